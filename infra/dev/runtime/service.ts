import { createWriteStream, existsSync, mkdirSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Broker } from './broker/broker.ts';
import type { ConsoleServer } from '../console/console-server.ts';
import { Problem, reasonOf, type Say } from './command-line.ts';
import { STARTED } from '../http-functions/started.ts';
import { startMetricsServer } from '../metrics/metrics-server.ts';
import type { Store } from './store/store.ts';
import { rootDirectory } from './directories.ts';
import { compactLogLine, isMetricLine } from './log-line.ts';
import { issueToken, startIssuer } from './issuer.ts';
import { freePorts } from './ports.ts';
import { startGuarded } from './processes.ts';
import { serverlessCommand, serverlessEnvironment } from './serverless.ts';
import { waitFor } from './wait.ts';
import { watchEnd } from './watch-end.ts';

const READY_WITHIN_MS = 90_000;
const DRAINED_WITHIN_MS = 20_000;

/**
 * The start of the service fails after this many consecutive responses with status 500 to `GET /readyz`. An unavailable
 * dependency leads to status 503 instead.
 */
const MAX_FAILURES = 5;

const MAX_SHOWN = 500;

/**
 * Matches the lines that serverless-offline prints for each request. These lines are hidden, because the functions log
 * the same information in more detail.
 */
const CHATTER = /^[A-Z]+ \/.* \(λ: |^\(λ: .*RequestId|^Successfully invoked scheduled function/;

/** The running service: its functions, its HTTP server and its event sources. */
export interface Service {
  readonly url: string;
  readonly logFile: string;
  /** Issues an operator's token with the given scopes. */
  readonly token: (...scopes: string[]) => Promise<string>;
  /** The id of the service's process group. */
  readonly pid: number;
  /** Stops the service as soon as it has processed the current batches. */
  readonly stop: () => Promise<void>;
  readonly kill: () => Promise<void>;
  /** Calls `listener` when the service ends unexpectedly. */
  readonly onDeath: (listener: (how: string) => void) => void;
}

export interface ServiceOptions {
  readonly httpPort: number;
  readonly broker: Pick<Broker, 'amqpUrl' | 'managementUrl'>;
  readonly store: Pick<Store, 'endpoint'>;
  readonly tablePrefix: string;
  /** The OTLP receiver of the functions' spans. If it is undefined, the functions record no spans. */
  readonly otlpEndpoint?: string;
  /** The server of the console's local routes. If it is undefined, the service does not have these routes. */
  readonly console?: Pick<ConsoleServer, 'url' | 'handlerWrapper'>;
  readonly dataDirectory: string;
  /** The folder that contains serverless.yml; by default the root of this project. */
  readonly serviceDirectory?: string;
  /** Whether a function is rebuilt when its sources change. Requests in progress finish with the previous version. */
  readonly watch: boolean;
  readonly say: Say;
  /** Receives each line of the service's log, formatted for people. */
  readonly output: Say;
}

/**
 * Starts the functions with `serverless offline`. Resolves when all plugins have started and `GET /readyz` reports that
 * the service is ready. A service without the route `GET /readyz` counts as ready.
 */
export async function startService(options: ServiceOptions): Promise<Service> {
  const { httpPort, dataDirectory, serviceDirectory = rootDirectory, say, output } = options;
  say('starting the functions and their event sources');
  const logFile = join(dataDirectory, 'logs', 'service.log');
  mkdirSync(dirname(logFile), { recursive: true });
  if (existsSync(logFile)) renameSync(logFile, `${logFile}.1`);
  const log = createWriteStream(logFile, { flags: 'a' });
  let isReady = false;
  let hasStarted = false;
  let hasFailed = false;
  const seen = new Set<string>();
  const isNew = (line: string) => {
    const text = line.replace(/^[\d:.]+ /, '').replace(/requestId=\S+/, '');
    return !seen.has(text) && seen.add(text);
  };

  const [lambdaPort] = await freePorts(1);
  const issuer = await startIssuer(dataDirectory);
  const metrics = await startMetricsServer();
  const child = await startGuarded({
    command: process.execPath,
    args: [
      serverlessCommand(),
      'offline',
      'start',
      '--stage',
      'local',
      '--host',
      '127.0.0.1',
      '--httpPort',
      String(httpPort),
      '--lambdaPort',
      String(lambdaPort),
    ],
    cwd: serviceDirectory,
    env: {
      ...environment(options),
      JWKS_URL: process.env['JWKS_URL'] || issuer.jwksUrl,
      SUREHOP_METRICS_URL: metrics.url,
    },
    output: {
      onLine: (line) => {
        if (!log.writableEnded) log.write(`${line}\n`);
        if (line === STARTED) hasStarted = true;
        // Serverless begins the description of a failed plugin with this line. The HTTP server would keep running.
        else if (line === 'Error:' && !hasStarted) hasFailed = true;
        metrics.observe(line);
        if (isMetricLine(line)) return;
        const compact = compactLogLine(line);
        // Some lines are not shown before the service is ready: the banner of serverless-offline, and failures of the readiness
        // check that were shown before.
        if (compact !== undefined && (isReady || isNew(compact))) output(compact);
        else if (isReady && line.trim() !== '' && !CHATTER.test(line)) output(line);
      },
    },
  });
  const close = async () => {
    await issuer.stop();
    await metrics.stop();
    await new Promise<void>((resolve) => log.end(() => resolve()));
  };

  const url = `http://localhost:${httpPort}`;
  let answer = 'no response';
  let failures = 0;
  const ready = await waitFor(
    async () => {
      answer = await askReadiness(`http://127.0.0.1:${httpPort}/readyz`);
      failures = answer.startsWith('500') ? failures + 1 : 0;
      return answer === 'ready' && hasStarted && !child.hasEnded() ? true : undefined;
    },
    {
      timeoutMs: READY_WITHIN_MS,
      everyMs: 100,
      giveUp: () => child.hasEnded() || hasFailed || failures >= MAX_FAILURES,
    },
  );
  if (ready === undefined) {
    const how = child.hasEnded()
      ? `ended with ${await child.ended}`
      : answer === 'ready'
        ? 'a plugin failed, such as the local event source'
        : `GET /readyz: ${answer}`;
    await child.kill();
    await close();
    const tail = child.tail().filter((line) => !isMetricLine(line));
    const mistake = tail.find((line) => line.startsWith('Configuration error at '));
    if (mistake !== undefined) throw new Problem(`serverless.yml contains a mistake: ${mistake}`, { exitCode: 2 });
    const lastLines = tail.map((line) => `    ${compactLogLine(line) ?? line}`).join('\n');
    throw new Problem(`the service did not start (${how}); its log ${logFile} ends with:\n${lastLines}`);
  }
  isReady = true;
  const { onDeath, during } = watchEnd(() => child.ended);
  return {
    url,
    logFile,
    token: (...scopes) => issueToken(dataDirectory, scopes),
    pid: child.pid,
    stop: () => during(() => child.stop({ signal: 'SIGINT', graceMs: DRAINED_WITHIN_MS }).then(close), false),
    kill: () => during(() => child.kill().then(close), false),
    onDeath,
  };
}

/**
 * Sends `GET /readyz`. Returns "ready" if the service is ready or does not have this route, and otherwise a description
 * of the response or of the failure.
 */
async function askReadiness(url: string): Promise<string> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(5_000) });
    const body = await response.text();
    // The HTTP server starts only when the event sources run.
    if (response.status === 404) return 'ready';
    const { status } = JSON.parse(body) as { status?: unknown };
    return response.ok && status === 'ready' ? 'ready' : `${response.status} ${body.slice(0, MAX_SHOWN)}`;
  } catch (error) {
    return `no response (${reasonOf(error)})`;
  }
}

function environment({ broker, store, tablePrefix, otlpEndpoint, console, watch }: ServiceOptions): NodeJS.ProcessEnv {
  return {
    ...serverlessEnvironment(),
    AMQP_URL: broker.amqpUrl,
    MANAGEMENT_URL: broker.managementUrl,
    DYNAMODB_ENDPOINT: store.endpoint,
    TABLE_PREFIX: tablePrefix,
    OTEL_EXPORTER_OTLP_ENDPOINT: otlpEndpoint,
    SUREHOP_CONSOLE_URL: console?.url,
    SUREHOP_HANDLER_WRAPPER: console?.handlerWrapper,
    SUREHOP_WATCH: watch ? 'on' : 'off',
  };
}
