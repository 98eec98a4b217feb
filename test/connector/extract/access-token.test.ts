import { describe, expect, it } from 'vitest';
import { tokenClaims } from '../../../connector/extract/access-token.js';

function tokenOf(claims: unknown): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'RS256' })}.${part(claims)}.signature`;
}

describe('the claims of an access token', () => {
  it('of an application are its roles', () => {
    const token = tokenOf({
      aud: 'https://graph.microsoft.com',
      tid: 'ABC',
      appid: 'app',
      roles: ['PartnerBilling.Read.All'],
      exp: 1_795_000_000,
    });
    expect(tokenClaims(token)).toEqual({
      audience: 'https://graph.microsoft.com',
      tenantId: 'abc',
      clientId: 'app',
      roles: ['PartnerBilling.Read.All'],
      scopes: [],
      expiresAt: new Date(1_795_000_000_000),
    });
  });

  it('of a person are the scopes', () => {
    expect(tokenClaims(tokenOf({ scp: 'User.Read  PartnerBilling.Read.All' }))).toMatchObject({
      scopes: ['User.Read', 'PartnerBilling.Read.All'],
      expiresAt: null,
    });
  });

  it.each([['opaque'], ['a.b.c'], ['eyJ.%%%.x'], [tokenOf({ roles: 'not a list' })], ['']])(
    'of %s are unknown',
    (token) => {
      expect(tokenClaims(token)).toBeNull();
    },
  );
});
