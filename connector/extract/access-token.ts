import { z } from 'zod';

const claimsSchema = z.object({
  aud: z.string().optional(),
  tid: z.string().optional(),
  appid: z.string().optional(),
  roles: z.array(z.string()).optional(),
  scp: z.string().optional(),
  exp: z.number().optional(),
});

/** What an access token says of itself. Not verified: only Graph can do that. */
export interface TokenClaims {
  readonly audience: string | null;
  /** The tenant it was issued by, lower case. */
  readonly tenantId: string | null;
  readonly clientId: string | null;
  /** Application permissions. */
  readonly roles: readonly string[];
  /** Delegated permissions. */
  readonly scopes: readonly string[];
  readonly expiresAt: Date | null;
}

/** Decodes a JSON Web Token without verifying it; null where the token is opaque. */
export function tokenClaims(token: string): TokenClaims | null {
  const payload = token.split('.')[1];
  if (payload === undefined || token.split('.').length < 2) return null;
  let claims: z.infer<typeof claimsSchema>;
  try {
    claims = claimsSchema.parse(JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')));
  } catch {
    return null;
  }
  return {
    audience: claims.aud ?? null,
    tenantId: claims.tid?.toLowerCase() ?? null,
    clientId: claims.appid ?? null,
    roles: claims.roles ?? [],
    scopes: claims.scp?.split(' ').filter((scope) => scope !== '') ?? [],
    expiresAt: claims.exp === undefined ? null : new Date(claims.exp * 1000),
  };
}
