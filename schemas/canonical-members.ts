/** Canonical member names with the other spellings of each, compared without regard to case; the first present wins. */
export type Members = Readonly<Record<string, readonly string[]>>;

/**
 * Makes what an answer is preprocessed with, so that it is read tolerantly: member names in any letter case and under
 * every listed spelling become the canonical ones, null is like absent, other members are left out. What is no object
 * stays what it is.
 */
export function canonical(members: Members): (value: unknown) => unknown {
  return (value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    const byLowerCase = new Map<string, unknown>();
    for (const [name, member] of Object.entries(value)) {
      const isPresent = member !== null && member !== undefined;
      if (isPresent && !byLowerCase.has(name.toLowerCase())) byLowerCase.set(name.toLowerCase(), member);
    }
    const found = Object.entries(members).map(([name, spellings]) => {
      const spelling = spellings.find((one) => byLowerCase.has(one.toLowerCase()));
      return [name, spelling === undefined ? undefined : byLowerCase.get(spelling.toLowerCase())] as const;
    });
    return Object.fromEntries(found.filter(([, member]) => member !== undefined));
  };
}
