export {
  changeJobRoute,
  deadLetterRoutes,
  discardRoute,
  editRoute,
  getRoute,
  groupsRoute,
  jobsRoute,
  listRoute,
  redriveManyRoute,
  redriveRoute,
  startJobRoute,
} from './routes/index.ts';
export { findByMessage } from './list.ts';
export { archiveTable, type ArchiveTable } from '../archive/record.ts';
