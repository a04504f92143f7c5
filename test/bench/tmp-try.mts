// quick driver
import { fork } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { compile } from '/work/main/test/bench/compile.ts';
import { startStore } from '/work/main/infra/local/parts/store.ts';
import { createTables, localClient } from '/work/main/infra/local/parts/tables.ts';
import { CreateTableCommand } from '@aws-sdk/client-dynamodb';
const [section, rounds, ...execArgv] = process.argv.slice(2);
const file = await compile('child');
const stores: any[] = [];
const child = fork(file, [section, rounds], { execArgv: ['--expose-gc', ...execArgv], stdio: ['ignore', process.env.SHOW ? 'inherit':'ignore', 'inherit', 'ipc'], env: { ...process.env, AWS_REGION:'eu-central-1', AWS_ACCESS_KEY_ID:'local', AWS_SECRET_ACCESS_KEY:'local' } });
child.on('message', async (m: any) => {
  if (m.ask) {
    const dataDirectory = mkdtempSync('/tmp/bench-work/store-');
    const s = await startStore({ dataDirectory, keepData: false, say: () => {} }, { dynamodbEndpoint: undefined });
    stores.push(s);
    await createTables({ endpoint: s.endpoint, prefix: 'bench-' });
    const c = localClient(s.endpoint);
    await c.send(new CreateTableCommand({ TableName: 'bench-idempotency', BillingMode: 'PAY_PER_REQUEST', AttributeDefinitions: [{AttributeName:'id',AttributeType:'S'}], KeySchema: [{AttributeName:'id',KeyType:'HASH'}] }));
    c.destroy();
    child.send({ number: m.number, endpoint: s.endpoint });
  } else { console.log(m.round, JSON.stringify(m.measured)); for (const s of stores.splice(0)) await s.stop(); }
});
child.on('exit', (c) => { console.log('exit', c); process.exit(); });
