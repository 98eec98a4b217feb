import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { startHealthServer, type HealthServer } from '../../connector/health-server.js';

let server: HealthServer | null = null;
afterEach(async () => {
  await server?.close();
  server = null;
});

async function ask(path: string, method = 'GET'): Promise<{ status: number; text: string }> {
  const response = await fetch(`http://127.0.0.1:${server?.port}${path}`, { method });
  return { status: response.status, text: await response.text() };
}

describe('the health port', () => {
  it('answers 200 or 503 with the document as it is at that moment', async () => {
    let healthy = true;
    server = await startHealthServer('127.0.0.1', 0, () => ({ healthy }));
    expect(await ask('/healthz?verbose')).toEqual({ status: 200, text: '{"healthy":true}\n' });
    healthy = false;
    expect(await ask('/healthz')).toEqual({ status: 503, text: '{"healthy":false}\n' });
    expect(await ask('/healthz', 'HEAD')).toEqual({ status: 503, text: '' });
  });

  it('answers nothing else', async () => {
    server = await startHealthServer('127.0.0.1', 0, () => ({ healthy: true }));
    expect((await ask('/')).status).toBe(404);
    expect((await ask('/healthz/..%2fetc')).status).toBe(404);
    expect((await ask('/healthz', 'POST')).status).toBe(405);
  });

  it('says that its port is taken, and by which settings to change it', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    await expect(startHealthServer('127.0.0.1', port, () => ({ healthy: true }))).rejects.toMatchObject({
      kind: 'config',
      message: `cannot listen on 127.0.0.1:${port} (EADDRINUSE)`,
      hint: expect.stringContaining('schedule.health_port') as string,
    });
    other.close();
  });
});
