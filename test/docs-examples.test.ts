import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { commandLine, type Chosen } from '../connector/cli-program.js';
import { packageRoot, packageVersion } from '../connector/package-info.js';
import { healthOf } from '../connector/schedule-health.js';
import { Timetable } from '../connector/timetable.js';
import { scheduleSchema } from '../schemas/config-routine.js';
import { EXIT_CODES } from '../schemas/errors.js';
import { readInstructions } from './dockerfile.js';

const ROOT = packageRoot();
const EXAMPLES = join(ROOT, 'docs', 'examples');
const read = (name: string) => readFileSync(join(EXAMPLES, name), 'utf8');
const page = readFileSync(join(ROOT, 'docs', 'scheduling.md'), 'utf8');

/** Environment variables that the documented sample names. */
const KNOWN_VARIABLES = [
  ...readFileSync(join(ROOT, 'connector.yaml'), 'utf8').matchAll(/\$\{env:([A-Z_]+)\}/g),
].map(([, name = '']) => name);

/** Exit codes after which a person must look; the others come again by themselves. */
const FOR_A_PERSON = Object.values(EXIT_CODES)
  .filter((code) => code !== EXIT_CODES.transient && code !== EXIT_CODES.locked)
  .sort((one, other) => one - other);

/** What the command line makes of arguments; a wrong one throws. */
async function understood(argv: readonly string[]): Promise<Chosen> {
  let chosen: Chosen | null = null;
  const errors: string[] = [];
  const output = { out: () => undefined, err: (text: string) => void errors.push(text) };
  await commandLine(packageVersion(), output, (choice) => (chosen = choice))
    .parseAsync([...argv], { from: 'user' })
    .catch((error: unknown) => {
      throw new Error(`${argv.join(' ')}: ${errors.join('')}`, { cause: error });
    });
  if (chosen === null) throw new Error(`${argv.join(' ')} chooses nothing`);
  return chosen;
}

const envEntry = z.looseObject({ name: z.string() });
const container = z.looseObject({
  image: z.string(),
  args: z.array(z.string()),
  env: z.array(envEntry).default([]),
  volumeMounts: z.array(z.looseObject({ mountPath: z.string() })),
});

const kubernetes = z
  .looseObject({
    kind: z.literal('CronJob'),
    spec: z.looseObject({
      schedule: z.string(),
      timeZone: z.string(),
      concurrencyPolicy: z.literal('Forbid'),
      jobTemplate: z.looseObject({
        spec: z.looseObject({
          backoffLimit: z.int().min(1),
          podFailurePolicy: z.looseObject({ rules: z.array(z.looseObject({ action: z.string() })) }),
          template: z.looseObject({
            spec: z.looseObject({
              restartPolicy: z.literal('Never'),
              securityContext: z.looseObject({ runAsNonRoot: z.literal(true) }),
              containers: z.tuple([container.extend({ name: z.string() })]),
              volumes: z.array(z.looseObject({ name: z.string() })),
            }),
          }),
        }),
      }),
    }),
  })
  .transform(({ spec }) => ({
    ...spec,
    job: spec.jobTemplate.spec,
    pod: spec.jobTemplate.spec.template.spec,
  }));

const containerApps = z.looseObject({
  type: z.literal('Microsoft.App/jobs'),
  properties: z.looseObject({
    configuration: z.looseObject({
      triggerType: z.literal('Schedule'),
      scheduleTriggerConfig: z.strictObject({
        cronExpression: z.string(),
        parallelism: z.literal(1),
        replicaCompletionCount: z.literal(1),
      }),
      secrets: z.array(z.looseObject({ name: z.string(), keyVaultUrl: z.string() })),
    }),
    template: z.looseObject({
      containers: z.tuple([container]),
      volumes: z.array(z.looseObject({ name: z.string() })),
    }),
  }),
});

const workflow = z.looseObject({
  on: z.looseObject({ schedule: z.tuple([z.strictObject({ cron: z.string() })]) }),
  concurrency: z.strictObject({ group: z.string(), 'cancel-in-progress': z.literal(false) }),
  permissions: z.strictObject({ contents: z.literal('read') }),
  jobs: z.looseObject({
    sync: z.looseObject({
      steps: z.tuple([
        z.looseObject({ uses: z.string() }),
        z.looseObject({ env: z.record(z.string(), z.string()), run: z.string() }),
      ]),
    }),
  }),
});

const compose = z.looseObject({
  services: z.strictObject({
    schedule: z.looseObject({
      image: z.string(),
      build: z.string(),
      command: z.array(z.string()),
      volumes: z.array(z.string()),
      healthcheck: z.looseObject({ test: z.array(z.string()) }),
    }),
  }),
});

const cronJob = () => {
  const documents = parseAllDocuments(read('kubernetes-cronjob.yaml')).map((one) => one.toJS() as unknown);
  return { claim: documents[0], job: kubernetes.parse(documents[1]) };
};
const azureJob = () => containerApps.parse(parse(read('azure-container-apps-job.yaml')) as unknown);
const actions = () => workflow.parse(parse(read('github-actions.yaml')) as unknown);
const service = () => compose.parse(parse(read('compose.yaml')) as unknown).services.schedule;
/** The line of the crontab that is a job: time, user, command. */
const cronLine = () => {
  const jobs = read('crontab')
    .split('\n')
    .filter((line) => /^[\d*]/.test(line));
  expect(jobs).toHaveLength(1);
  const [, cron = '', user = '', command = ''] = /^((?:\S+ ){5})(\S+) (.*)$/.exec(jobs[0] ?? '') ?? [];
  return { cron: cron.trim(), user, command };
};
/** The keys of a systemd unit by section; a key may come again. */
const unit = (name: string) => {
  const sections = new Map<string, [string, string][]>();
  let section: [string, string][] = [];
  for (const line of read(name).split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const header = /^\[(\w+)\]$/.exec(line)?.[1];
    const [, key = '', value = ''] = /^(\w+)=(.*)$/.exec(line) ?? [];
    if (header !== undefined) sections.set(header, (section = []));
    else if (key !== '') section.push([key, value]);
    else throw new Error(`${name}: ${line}`);
  }
  return sections;
};

/** The arguments after the program of a shell command, up to where the shell goes on. */
const argumentsAfter = (command: string, program: string) => {
  const [, rest = ''] = command.split(`${program} `);
  return (
    rest
      .split(/ (?:>>|2>|\|\||&&)/)[0]
      ?.trim()
      .split(/\s+/) ?? []
  );
};
const PROGRAM = '/opt/partner-billing/dist/connector/cli.js';
const IMAGE = /\S+\/partner-billing:(\d+\.\d+\.\d+)/;

const commands = (): Record<string, readonly string[]> => ({
  crontab: argumentsAfter(cronLine().command, PROGRAM),
  'partner-billing.service': argumentsAfter(
    unit('partner-billing.service')
      .get('Service')
      ?.find(([key]) => key === 'ExecStart')?.[1] ?? '',
    PROGRAM,
  ),
  'kubernetes-cronjob.yaml': cronJob().job.pod.containers[0].args,
  'azure-container-apps-job.yaml': azureJob().properties.template.containers[0].args,
  'github-actions.yaml': argumentsAfter(
    actions().jobs.sync.steps[1].run,
    IMAGE.exec(actions().jobs.sync.steps[1].run)?.[0] ?? '',
  ),
  'compose.yaml': service().command,
});

describe('every example', () => {
  it('is explained on the page, and every file that the page links is there', () => {
    const linked = [...page.matchAll(/\]\(examples\/([^)]+)\)/g)].map(([, name]) => name);
    expect(linked.sort()).toEqual(readdirSync(EXAMPLES).sort());
  });

  it.each(Object.entries(commands()))(
    '%s runs a command of ours with options that it has: %j',
    async (name, argv) => {
      await understood(argv);
      expect(argv[0]).toBe(name === 'compose.yaml' ? 'schedule' : 'sync');
    },
  );

  it('is due at a time that is one', () => {
    const crons = [
      cronLine().cron,
      cronJob().job.schedule,
      azureJob().properties.configuration.scheduleTriggerConfig.cronExpression,
      actions().on.schedule[0].cron,
    ];
    for (const cron of crons) {
      const { time_zone } = scheduleSchema.parse({ cron });
      const next = new Timetable(cron, time_zone).next(new Date('2026-11-27T12:00:00Z'));
      expect(next?.toISOString()).toBe('2026-11-28T03:15:00.000Z');
    }
    expect(new Timetable('15 3 * * *', cronJob().job.timeZone).text(new Date(0))).toContain('Etc/UTC');
  });

  it('names no environment variable but those of connector.yaml, and all that it must have', () => {
    const asked = ['AZURE_TENANT_ID', 'AZURE_CLIENT_ID', 'AZURE_CLIENT_SECRET'];
    const invoices = ['PARTNER_BILLING_SINCE', 'PARTNER_BILLING_CURRENCY'];
    const named = [
      azureJob().properties.template.containers[0].env.map((entry) => entry.name),
      Object.keys(actions().jobs.sync.steps[1].env),
    ];
    for (const names of named) {
      expect(names).toEqual(expect.arrayContaining([...asked, ...invoices, 'PGPASSWORD']));
      expect(names.filter((name) => !KNOWN_VARIABLES.includes(name))).toEqual([]);
    }
    const passed = [...actions().jobs.sync.steps[1].run.matchAll(/--env (\w+)/g)].map(([, name]) => name);
    expect(passed.sort()).toEqual(Object.keys(actions().jobs.sync.steps[1].env).sort());
  });

  it('keeps secrets out of the file', () => {
    for (const { name, value, secretRef } of azureJob().properties.template.containers[0].env) {
      if (/SECRET|PASSWORD/.test(name)) expect([value, typeof secretRef]).toEqual([undefined, 'string']);
    }
    for (const [name, value] of Object.entries(actions().jobs.sync.steps[1].env)) {
      expect(value).toMatch(
        /SECRET|PASSWORD/.test(name) ? /^\$\{\{ secrets\.\w+ \}\}$/ : /^\$\{\{ vars\.\w+ \}\}$/,
      );
    }
    expect(read('compose.yaml')).toContain('env_file: [secrets.env]');
    expect(cronJob().job.pod.containers[0]['envFrom']).toEqual([{ secretRef: { name: 'partner-billing' } }]);
  });

  it('uses an image of this version with its volume where the Dockerfile has it', () => {
    const volume =
      readInstructions(join(ROOT, 'Dockerfile')).find((one) => one.name === 'VOLUME')?.text ?? '';
    const images = [
      cronJob().job.pod.containers[0].image,
      azureJob().properties.template.containers[0].image,
      actions().jobs.sync.steps[1].run,
      `local/${service().image}`,
    ];
    expect(images.map((image) => IMAGE.exec(image)?.[1])).toEqual(images.map(() => packageVersion()));
    expect(cronJob().job.pod.containers[0].volumeMounts.map((mount) => mount.mountPath)).toContain(volume);
    expect(azureJob().properties.template.containers[0].volumeMounts[0]?.mountPath).toBe(volume);
    expect(actions().jobs.sync.steps[1].run).toContain(`--volume "$PWD:${volume}"`);
    expect(service().volumes).toEqual([`data:${volume}`, `./connector.yaml:${volume}/connector.yaml:ro`]);
    expect(join(EXAMPLES, service().build)).toBe(ROOT);
  });
});

describe('the Kubernetes example', () => {
  it('mounts only volumes that it declares, and claims the one that keeps the spool', () => {
    const { claim, job } = cronJob();
    const declared = job.pod.volumes.map((volume) => volume.name);
    expect(job.pod.containers[0].volumeMounts.map((mount) => mount['name'])).toEqual(declared);
    expect(job.pod.volumes).toContainEqual({
      name: 'data',
      persistentVolumeClaim: { claimName: (claim as { metadata: { name: string } }).metadata.name },
    });
  });

  it('fails for a person at exactly the codes that trying again does not help', () => {
    const { job, pod } = cronJob().job;
    expect(job.podFailurePolicy.rules[0]).toEqual({
      action: 'FailJob',
      onExitCodes: { containerName: pod.containers[0].name, operator: 'In', values: FOR_A_PERSON },
    });
  });
});

describe('the systemd example', () => {
  const KEYS: Record<string, readonly string[]> = {
    Unit: ['Description', 'Wants', 'After', 'StartLimitIntervalSec', 'StartLimitBurst'],
    Timer: ['OnCalendar', 'Persistent', 'RandomizedDelaySec'],
    Install: ['WantedBy'],
  };

  it('has sections and keys that systemd knows', () => {
    const timer = unit('partner-billing.timer');
    expect([...timer.keys()]).toEqual(['Unit', 'Timer', 'Install']);
    for (const [name, entries] of timer) {
      expect(entries.map(([key]) => key).filter((key) => !KEYS[name]?.includes(key))).toEqual([]);
    }
    expect(new Map(timer.get('Timer')).get('Persistent')).toBe('true');
    expect([...unit('partner-billing.service').keys()]).toEqual(['Unit', 'Service']);
  });

  it('comes again at the codes where that helps, and leaves the others to a person', () => {
    const settings = new Map(unit('partner-billing.service').get('Service'));
    expect(settings.get('Type')).toBe('oneshot');
    expect(settings.get('Restart')).toBe('on-failure');
    expect(settings.get('RestartPreventExitStatus')).toBe(FOR_A_PERSON.join(' '));
    expect(settings.get('EnvironmentFile')).toBe('/etc/partner-billing/secrets.env');
    expect(settings.get('NoNewPrivileges')).toBe('yes');
    expect(settings.get('ProtectSystem')).toBe('strict');
    expect(settings.get('WorkingDirectory')).toBe(`/var/lib/${settings.get('StateDirectory')}`);
  });

  it('passes systemd-analyze where there is one', () => {
    const present = spawnSync('systemd-analyze', ['--version']).status === 0;
    const folder = mkdtempSync(join(tmpdir(), 'units-'));
    try {
      const text = read('partner-billing.service').replace('/usr/bin/node', process.execPath);
      expect(text).toContain(`ExecStart=${process.execPath} `);
      writeFileSync(join(folder, 'partner-billing.service'), text);
      writeFileSync(join(folder, 'partner-billing.timer'), read('partner-billing.timer'));
      if (!present) return;
      const { stderr } = spawnSync(
        'systemd-analyze',
        ['verify', '--man=no', 'partner-billing.timer', 'partner-billing.service'],
        { cwd: folder, encoding: 'utf8' },
      );
      expect(stderr.split('\n').filter((line) => line.includes('partner-billing'))).toEqual([]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe('shell in the examples', () => {
  it.each([
    ['crontab', cronLine().command],
    ['github-actions.yaml', actions().jobs.sync.steps[1].run],
  ])('of %s is shell', (_name, script) => {
    expect(execFileSync('sh', ['-n', '-c', script], { encoding: 'utf8' })).toBe('');
  });

  it('of the workflow comes again at 3 and 5 only', () => {
    const again = /^ *([\d |]+)\) echo "::warning::/m.exec(actions().jobs.sync.steps[1].run)?.[1];
    expect(again).toBe(`${EXIT_CODES.transient} | ${EXIT_CODES.locked}`);
  });

  it('of the crontab does not use what cron takes for a new line', () => {
    expect(cronLine().command).not.toContain('%');
    expect(cronLine().user).toBe('partner-billing');
  });
});

describe('docs/scheduling.md', () => {
  it('shows a schedule: that the configuration accepts', () => {
    const [, block = ''] = /```yaml\n([^]*?)```/.exec(page) ?? [];
    const { schedule } = parse(block) as { schedule: unknown };
    expect(Object.keys(scheduleSchema.parse(schedule)).sort()).toEqual(
      Object.keys(scheduleSchema.shape).sort(),
    );
    const [, inComment = ''] = /schedule: (\{.*\})$/m.exec(read('compose.yaml')) ?? [];
    const { health_port } = scheduleSchema.parse(parse(inComment));
    expect(service().healthcheck.test.join(' ')).toContain(`http://127.0.0.1:${health_port}/healthz`);
  });

  it('shows a health document with the keys that there are', () => {
    const [, block = ''] = /```json\n([^]*?)```/.exec(page) ?? [];
    const shown = JSON.parse(block) as { lastRun: Parameters<typeof healthOf>[0]['lastRun'] };
    const made = healthOf(
      {
        state: 'waiting',
        since: new Date(0),
        cron: '',
        timeZone: '',
        nextRun: null,
        runningSince: null,
        lastRun: shown.lastRun,
        failuresInARow: 0,
      },
      new Date(0),
    );
    expect(Object.keys(shown)).toEqual(Object.keys(made));
  });

  it('says what to do at every exit code', () => {
    const rows = [...page.matchAll(/^\| ([\d, ]+) \|/gm)].flatMap(([, codes = '']) =>
      codes.split(', ').map(Number),
    );
    expect(rows).toEqual(expect.arrayContaining([0, ...Object.values(EXIT_CODES), 130, 143]));
    expect(page).toContain(`| ${FOR_A_PERSON.join(', ')} | tell a person`);
  });

  it('runs the image with commands that there are', async () => {
    const shown = [...page.matchAll(/^docker run .* partner-billing:\S+ (.*)$/gm)].map(
      ([, argv = '']) => argv,
    );
    expect(shown).toHaveLength(2);
    for (const argv of shown) await understood(argv.split(' '));
  });
});
