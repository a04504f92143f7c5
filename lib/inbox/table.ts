import { defineTables } from '../dynamodb/tables.ts';

/** The table of markers, which every consumer needs. */
export const { inbox: INBOX_TABLE } = defineTables('inbox');

/** The queue whose records are read and written, and the table that has them. */
export interface Scope {
  readonly queue: string;
  readonly tablePrefix: string;
  /** Days until DynamoDB may delete a record. */
  readonly retentionDays: number;
}

/** The full name of the table. */
export const inboxTable = ({ tablePrefix }: Pick<Scope, 'tablePrefix'>): string => tablePrefix + INBOX_TABLE;

/** When DynamoDB may delete a record that is written now, in seconds since the epoch. */
export const expiry = (nowMs: number, retentionDays: number): string =>
  String(Math.floor(nowMs / 1_000) + retentionDays * 86_400);
