// load-fresh.ts compiles these modules again after every edit.
export { service, topology } from 'serverless-surehop/definitions';
export { tableResources } from 'serverless-surehop/service-tables';
export { resolveVariable } from 'serverless-surehop/variables';
