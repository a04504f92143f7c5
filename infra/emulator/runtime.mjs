// This script runs in the process of an execution environment. It loads the handler once, and then answers invocations over IPC,
// one at a time.
import { existsSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';

const { modulePath, exportName, handlerWrapper, parentPid } = JSON.parse(process.argv[2]);

// Ctrl-C sends a signal to the whole process group, but the parent process decides when the running batch ends. So this process
// ignores the signal.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => {});
process.on('disconnect', () => process.exit());

// A handler in an endless loop prevents the event "disconnect", so a thread ends this process when the parent process ends.
new Worker(`setInterval(() => process.ppid === ${parentPid} || process.kill(process.pid, 'SIGKILL'), 500);`, {
  eval: true,
  execArgv: [],
}).unref();

async function load() {
  const file = ['.mjs', '.js', '.cjs', '.mts', '.ts'].map((extension) => modulePath + extension).find(existsSync);
  if (!file)
    throw new Error(`Cannot find ${modulePath}.mjs: check the function's "handler" and that the function was built.`);
  const loaded = await import(pathToFileURL(file).href);
  const path = exportName.split('.');
  const pick = (from) => path.reduce((value, key) => value?.[key], from);
  const handler = pick(loaded) ?? pick(loaded.default);
  if (typeof handler !== 'function') throw new Error(`${file} exports no function named "${exportName}".`);
  return handlerWrapper ? (await import(handlerWrapper)).default(handler) : handler;
}

function lambdaContext({ requestId, deadlineMs }) {
  const functionName = process.env.AWS_LAMBDA_FUNCTION_NAME;
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionVersion: '$LATEST',
    functionName,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    invokedFunctionArn: `arn:aws:lambda:${process.env.AWS_REGION}:000000000000:function:${functionName}`,
    awsRequestId: requestId,
    getRemainingTimeInMillis: () => Math.max(0, deadlineMs - Date.now()),
  };
}

// Runtimes before nodejs24.x also support handlers that use a callback.
function invoke(handler, event, context) {
  return new Promise((resolve, reject) => {
    const answer = handler(event, context, (error, result) => (error ? reject(error) : resolve(result)));
    if (handler.length < 3 || typeof answer?.then === 'function') resolve(answer);
  });
}

const describe = (error) => ({
  errorType: error?.name ?? 'Error',
  errorMessage: String(error?.message ?? error),
  stack: typeof error?.stack === 'string' ? error.stack.split('\n') : [],
});

function logError(message, error) {
  console.error(JSON.stringify({ level: 'ERROR', message, ...describe(error) }));
}

let handler;
try {
  handler = await load();
} catch (error) {
  logError('Init Error', error);
  process.send({ type: 'initFailed', error: describe(error) }, () => process.exit(1));
}

async function respond(invocation) {
  try {
    const result = await invoke(handler, JSON.parse(invocation.eventJson), lambdaContext(invocation));
    // A result that cannot be serialized to JSON is an error, as on Lambda.
    process.send({ type: 'succeeded', resultJson: JSON.stringify(result) ?? 'null' });
  } catch (error) {
    logError('Invoke Error', error);
    process.send({ type: 'failed', error: describe(error) });
  }
}

process.on('message', (invocation) => void respond(invocation));

if (handler) process.send({ type: 'ready' });
