import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import {
  ContainerClient,
  ContainerSASPermissions,
  generateBlobSASQueryParameters,
  StorageSharedKeyCredential,
} from '@azure/storage-blob';

/** An Azurite of our own. */
export interface Azurite {
  readonly port: number;
  /** Makes a container and fills it. */
  fill(container: string, blobs: Readonly<Record<string, Buffer>>): Promise<void>;
  /** A read SAS of a container. */
  sas(container: string, expiresOn: Date): string;
  /** Address of a container. */
  address(container: string): string;
  stop(): Promise<void>;
}

const ACCOUNT = 'connectortest';

/** Starts Azurite in memory on a free port of loopback. */
export async function startAzurite(): Promise<Azurite> {
  const key = randomBytes(32).toString('base64');
  const credential = new StorageSharedKeyCredential(ACCOUNT, key);
  const main = createRequire(import.meta.url).resolve('azurite/dist/src/blob/main.js');
  const flags = ['--blobHost', '127.0.0.1', '--blobPort', '0', '--inMemoryPersistence', '--silent'];
  const child = spawn(process.execPath, [main, ...flags, '--disableTelemetry', '--skipApiVersionCheck'], {
    env: { PATH: process.env['PATH'], AZURITE_ACCOUNTS: `${ACCOUNT}:${key}` },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const port = await portOf(child);
  const address = (container: string) => `http://127.0.0.1:${port}/${ACCOUNT}/${container}`;
  return {
    port,
    address,
    async fill(container, blobs) {
      const client = new ContainerClient(address(container), credential);
      await client.createIfNotExists();
      for (const [name, content] of Object.entries(blobs)) {
        await client.getBlockBlobClient(name).upload(content, content.length);
      }
    },
    sas(container, expiresOn) {
      const permissions = { containerName: container, expiresOn, startsOn: new Date('2020-01-01T00:00:00Z') };
      return generateBlobSASQueryParameters(
        { ...permissions, permissions: ContainerSASPermissions.parse('r') },
        credential,
      ).toString();
    },
    stop: () =>
      new Promise((resolve) => {
        child.once('exit', () => {
          resolve();
        });
        child.kill('SIGTERM');
      }),
  };
}

async function portOf(child: ChildProcess): Promise<number> {
  let said = '';
  for await (const chunk of child.stdout ?? []) {
    said += String(chunk);
    const [, port] = /successfully listens on http:\/\/127\.0\.0\.1:(\d+)/.exec(said) ?? [];
    if (port !== undefined) {
      child.stdout?.resume();
      return Number(port);
    }
  }
  throw new Error(`Azurite did not start: ${said}`);
}
