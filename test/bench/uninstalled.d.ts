// The libraries that the benchmark compares with Surehop are installed only by `npm run bench`. `npm run check` checks the benchmark
// without them, so these libraries have no types there. `npm run bench` checks the benchmark with their types.
declare module '@aws-lambda-powertools/batch';
declare module '@aws-lambda-powertools/idempotency';
declare module '@aws-lambda-powertools/idempotency/dynamodb';
declare module '@aws-lambda-powertools/logger/middleware';
declare module '@aws-lambda-powertools/metrics/middleware';
declare module '@aws-lambda-powertools/tracer';
declare module '@aws-lambda-powertools/tracer/middleware';
declare module '@aws-sdk/lib-dynamodb';
declare module '@cloudamqp/amqp-client';
declare module '@middy/core';
declare module '@middy/sqs-partial-batch-failure';
declare module 'amqp-connection-manager';
declare module 'rabbitmq-client';
