import { describe, expect, it } from 'vitest';
import { redact } from '../../schemas/redact.js';

const JWT = 'eyJhbGciOiJSUzI1NiJ9.eyJ0aWQiOiJ4In0.c2lnbmF0dXJl';

describe('redact', () => {
  it.each([
    ['a SAS signature', 'https://x.blob.core.windows.net/c/d?sv=1&sr=d&sig=aB%2Fc%3D&sdd=7', 'aB%2Fc%3D'],
    ['a SAS without its URL', 'sig=abcdef', 'abcdef'],
    ['a bearer token', 'authorization: Bearer abcdefghijkl', 'abcdefghijkl'],
    ['a JSON Web Token anywhere', `token ${JWT} was refused`, 'eyJ'],
    ['a password in a URL', 'postgres://loader:s3cr3t@db:5432/warehouse', 's3cr3t'],
    ['a password in a query', 'host=db?password=hunter22', 'hunter22'],
    ['a client secret in a form', 'grant_type=client_credentials&client_secret=Qx~8', 'Qx~8'],
    ['a private key', '-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----', 'MIIE'],
    ['a private key cut off', '-----BEGIN RSA PRIVATE KEY-----\nMIIE', 'MIIE'],
  ])('removes %s', (_what, text, secret) => {
    expect(redact(text)).not.toContain(secret);
    expect(redact(text)).toContain('[redacted]');
  });

  it('leaves other text as it is, and is idempotent', () => {
    const plain =
      'billed_usage G016907411: blob part-00000.json.gz line 12: UnitPrice is no number; see https://x/y?z=1';
    expect(redact(plain)).toBe(plain);
    const once = redact('https://h/x?sig=abc&se=2026');
    expect(redact(once)).toBe(once);
    expect(once).toContain('se=2026');
  });
});
