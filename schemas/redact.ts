const MARK = '[redacted]';

/** Query-string members that authorise: SAS signature, and what password-like members are called. */
const SECRET_QUERY =
  /([?&;\s"']|^)(sig|sktid|skoid|client_secret|client_assertion|access_token|refresh_token|password)=([^&\s"'<>]+)/gi;
const BEARER = /\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{8,}/gi;
const JWT = /\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?/g;
const URL_PASSWORD = /\b([a-z][a-z0-9+.-]*:\/\/[^\s:@/]*):([^\s@/]+)@/gi;
const PEM = /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g;

/** A shorter text may be an ordinary word, which errors need. */
const SHORTEST_KNOWN = 8;
let known: readonly string[] = [];

/**
 * Makes texts known that {@link redact} removes from then on in this process: a server may repeat what it was sent, and
 * an error with its words is recorded, not only printed. Texts of fewer than 8 characters are left out.
 */
export function redactAlso(texts: readonly string[]): void {
  const long = texts.filter((text) => text.length >= SHORTEST_KNOWN);
  known = [...new Set([...known, ...long])].sort((a, b) => b.length - a.length);
}

/**
 * Removes what authorises from a text: SAS signatures, bearer and basic tokens, JSON Web Tokens, passwords in
 * URLs, private keys, and what {@link redactAlso} was told. Leaves all other text as it is. Values that are secret only
 * because the configuration says so are removed where text leaves the process too (connector/secrets.ts).
 */
export function redact(text: string): string {
  return known
    .reduce((rest, one) => rest.replaceAll(one, MARK), text)
    .replace(PEM, MARK)
    .replace(BEARER, `$1 ${MARK}`)
    .replace(JWT, MARK)
    .replace(SECRET_QUERY, `$1$2=${MARK}`)
    .replace(URL_PASSWORD, `$1:${MARK}@`);
}
