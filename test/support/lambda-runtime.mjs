// What the managed runtime does with a function: loads _HANDLER from LAMBDA_TASK_ROOT, then asks for one event after another
// (https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html). AWS's own client needs a compiler to be installed.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const { _HANDLER, LAMBDA_TASK_ROOT, AWS_LAMBDA_RUNTIME_API } = process.env;
const api = `http://${AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime`;

const describe = (error) => ({
  errorType: error?.name ?? 'Error',
  errorMessage: String(error?.message ?? error),
  trace: String(error?.stack ?? '').split('\n'),
});

const post = (path, body) => fetch(`${api}/${path}`, { method: 'POST', body: JSON.stringify(body) ?? 'null' });

async function load() {
  const dot = _HANDLER.lastIndexOf('.');
  const module = join(LAMBDA_TASK_ROOT, _HANDLER.slice(0, dot));
  const file = ['.js', '.mjs', '.cjs'].map((extension) => module + extension).find(existsSync);
  if (!file) throw new Error(`Cannot find module '${module}'`);
  const handler = (await import(pathToFileURL(file).href))[_HANDLER.slice(dot + 1)];
  if (typeof handler !== 'function') throw new Error(`${_HANDLER} is undefined or not exported`);
  return handler;
}

let handler;
try {
  handler = await load();
} catch (error) {
  await post('init/error', describe(error));
  process.exit(1);
}

for (;;) {
  const next = await fetch(`${api}/invocation/next`, { headers: { 'user-agent': process.version } });
  const id = next.headers.get('lambda-runtime-aws-request-id');
  const deadlineMs = Number(next.headers.get('lambda-runtime-deadline-ms'));
  const context = {
    awsRequestId: id,
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    invokedFunctionArn: next.headers.get('lambda-runtime-invoked-function-arn'),
    getRemainingTimeInMillis: () => deadlineMs - Date.now(),
  };
  try {
    const result = await handler(await next.json(), context);
    await post(`invocation/${id}/response`, result ?? null);
  } catch (error) {
    await post(`invocation/${id}/error`, describe(error));
  }
}
