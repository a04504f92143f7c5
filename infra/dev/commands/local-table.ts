import { GetItemCommand, PutItemCommand, ScanCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { fromAttributes, toAttributes, type Item } from 'surehop/dynamodb';
import type { Table as Definition } from 'surehop/tables';

import { parseJson, readText } from '../client/body.ts';
import { Problem, reasonOf, say } from '../runtime/command-line.ts';
import { runningIfAny } from '../runtime/running.ts';
import type { Table } from '../runtime/store/local-tables.ts';
import { counted, defineCommand, print, UsageError } from './command.ts';

const DEFAULT_LIMIT = 20;
const MAX_LIMIT = 1_000;

/** The maximum number of characters that are printed of each item in a list of DynamoDB items. */
const SHOWN = 500;

interface Access {
  readonly client: DynamoDBClient;
  readonly TableName: string;
}

export const command = defineCommand({
  usage: ['', 'NAME [--limit N]', 'NAME get KEY', 'NAME put ITEM | @FILE'],
  details: [
    `For example: surehop table balances put '{"customerId": "ada", "cents": 250}'`,
    'ITEM is an item with its key, and KEY a key, both as JSON. A file may also contain an array of items. An item that is written must match the schema of the table in infra/tables.ts.',
    'The command uses the DynamoDB of the running npm start, or the DynamoDB at DYNAMODB_ENDPOINT; it never reaches AWS.',
  ],
  options: {
    limit: { type: 'string', value: 'N', meaning: `the largest number of items; ${DEFAULT_LIMIT} by default` },
  },
  needs: 'definitions',
  async run({ words: [name, action, given, ...more], options: { limit } }) {
    const unexpected = more.join(' ');
    if (more.length > 0)
      throw new UsageError(`surehop table got unexpected arguments: ${unexpected}; put the JSON in quotes`);
    if (action !== undefined && (!['get', 'put'].includes(action) || given === undefined))
      throw new UsageError(
        `after the name of a table, surehop table expects "get KEY" or "put ITEM", but got "${action}"`,
      );
    if (limit !== undefined && action !== undefined)
      throw new UsageError('--limit applies only to the list of items: omit --limit with "get" and "put"');
    const { tableResources, tables: own } = await import('serverless-surehop/service-tables');
    const { localClient, localTablePrefix, localTables } = await import('../runtime/store/tables.ts');
    const { endpoint, prefix } = localStore(localTablePrefix);
    const all = localTables(tableResources(prefix));
    if (name === undefined) return list(all, prefix);
    const found = all.find(({ definition }) => definition.TableName === prefix + name);
    const knownTables = all.map((one) => nameOf(one, prefix)).join(', ');
    if (found === undefined) throw new UsageError(`unknown table "${name}": the tables are ${knownTables}`);
    const client = localClient(endpoint);
    const access = { client, TableName: prefix + name };
    const definition = Object.values(own).find((one) => one.name === name);
    try {
      if (action === 'get') return await get(access, given!);
      if (action === 'put') return await put(access, name, definition, given!);
      return await scan(access, limitOf(limit));
    } catch (error) {
      if (error instanceof UsageError || error instanceof Problem) throw error;
      throw new Problem(`cannot read or write the table ${name} in the DynamoDB at ${endpoint}: ${reasonOf(error)}`, {
        cause: error,
      });
    } finally {
      client.destroy();
    }
  },
});

function localStore(prefixOf: (given: string | undefined) => string): { endpoint: string; prefix: string } {
  const given = process.env['DYNAMODB_ENDPOINT'];
  if (given) return { endpoint: given, prefix: prefixOf(process.env['TABLE_PREFIX'] || undefined) };
  const running = runningIfAny();
  if (running) return { endpoint: running.dynamodbEndpoint, prefix: running.tablePrefix };
  throw new Problem(
    'npm start is not running in this project: run npm start in another terminal, or set DYNAMODB_ENDPOINT',
  );
}

const nameOf = ({ definition }: Table, prefix: string): string => definition.TableName.slice(prefix.length);

function list(tables: readonly Table[], prefix: string): number {
  for (const one of tables) {
    const keys = (one.definition.KeySchema ?? []).map(({ AttributeName }) => AttributeName);
    print(`${nameOf(one, prefix)}  (${keys.join(', ')})`);
  }
  return 0;
}

async function scan({ client, TableName }: Access, limit: number): Promise<number> {
  const { Items: items = [], LastEvaluatedKey: last } = await client.send(
    new ScanCommand({ TableName, Limit: limit, ConsistentRead: true }),
  );
  for (const item of items) {
    const line = asJson(fromAttributes(item));
    print(line.length <= SHOWN ? line : `${line.slice(0, SHOWN - 1)}…`);
  }
  const hint = last === undefined ? '' : '; there may be more: pass a higher --limit';
  say(counted(items.length, 'item') + hint);
  return 0;
}

async function get({ client, TableName }: Access, given: string): Promise<number> {
  const key = toAttributes('', objectOf('the key', parseJson(given, 'the key')));
  const { Item: item } = await client.send(new GetItemCommand({ TableName, Key: key, ConsistentRead: true }));
  if (item === undefined) throw new Problem(`no item has the key ${given} in the table ${TableName}`);
  print(asJson(fromAttributes(item), 2));
  return 0;
}

async function put(
  { client, TableName }: Access,
  name: string,
  definition: Definition<any, any> | undefined,
  given: string,
): Promise<number> {
  if (definition === undefined)
    throw new UsageError(
      `the table ${name} belongs to Surehop: surehop table put writes only to the tables that infra/tables.ts defines`,
    );
  const parsed = parseJson(readText(given), given.startsWith('@') ? given.slice(1) : 'the item');
  const items = (Array.isArray(parsed) ? parsed : [parsed]).map((item) => objectOf('an item', item));
  for (const item of items) {
    const attributes = Object.fromEntries(Object.entries(item).filter(([attribute]) => !(attribute in definition.key)));
    try {
      definition.validate(attributes as Item, true);
    } catch (error) {
      const { attribute } = error as { attribute?: string };
      const mistake = (attribute ? `${attribute} ` : '') + reasonOf(error);
      throw new UsageError(`nothing was written, because the item ${asJson(item)} is not valid: ${mistake}`);
    }
  }
  for (const item of items) await client.send(new PutItemCommand({ TableName, Item: toAttributes('', item) }));
  const count = counted(items.length, 'item');
  say(`${count} written`);
  return 0;
}

function objectOf(what: string, value: unknown): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new UsageError(`${what} must be a JSON object such as {"customerId": "ada"}, but is ${JSON.stringify(value)}`);
}

function limitOf(text = String(DEFAULT_LIMIT)): number {
  const limit = Number(text);
  if (!(Number.isInteger(limit) && limit >= 1 && limit <= MAX_LIMIT))
    throw new UsageError(`--limit is "${text}": use a whole number from 1 to ${MAX_LIMIT}`);
  return limit;
}

/** Writes an item as JSON: a set as an array, and a binary value as Base64. */
const asJson = (value: unknown, indent?: number): string => JSON.stringify(plain(value), undefined, indent);

function plain(value: unknown): unknown {
  if (ArrayBuffer.isView(value))
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64');
  if (value instanceof Set || Array.isArray(value)) return [...value].map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, plain(item)]));
}
