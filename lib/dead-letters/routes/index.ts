import type { Route } from '../../http/endpoint.ts';
import { discardRoute, redriveManyRoute, redriveRoute } from './change.ts';
import { editRoute } from './edit.ts';
import { changeJobRoute, jobsRoute, startJobRoute } from './jobs.ts';
import { getRoute, groupsRoute, listRoute } from './read.ts';

export {
  changeJobRoute,
  discardRoute,
  editRoute,
  getRoute,
  groupsRoute,
  jobsRoute,
  listRoute,
  redriveManyRoute,
  redriveRoute,
  startJobRoute,
};

/** The HTTP routes of the functions that manage dead letters. The OpenAPI document is generated from these routes. */
export const deadLetterRoutes = [
  listRoute,
  groupsRoute,
  getRoute,
  redriveRoute,
  redriveManyRoute,
  discardRoute,
  editRoute,
  startJobRoute,
  jobsRoute,
  changeJobRoute,
] as const satisfies readonly Route[];
