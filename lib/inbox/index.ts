export { inbox } from './process-inbox.ts';
export { type Inbox, type Marker } from './inbox.ts';
