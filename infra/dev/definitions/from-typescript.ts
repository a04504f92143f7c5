// load-fresh.ts compiles these modules again after every edit.
export { resolveVariable, service, tableResources, topology } from 'serverless-surehop/definitions';
