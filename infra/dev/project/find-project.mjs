// @ts-check
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The modules that define a service, relative to the folder of its serverless.yml, and what each module must export. */
export const SERVICE_MODULES = /** @type {const} */ ({
  'infra/topology.ts': '`queues`, `topology`, `brokerRoles` and `deadLetterQueue`',
  'infra/tables.ts': '`tables`, the DynamoDB tables of the service',
  'infra/service.ts': '`service`, with the name, the scopes and the alarms of the service',
  'infra/settings.ts': '`settings`, the settings that the service defines',
  'infra/stages/all.ts': '`stages`, the settings of each stage that can be deployed, and `local`, those of npm start',
});

/**
 * Returns the folder of the service to which the folder `from` belongs: the nearest folder with a serverless.yml, from `from`
 * upwards. A serverless.yml beside infra/topology.ts comes first, because a service has a second serverless.yml for its broker.
 *
 * @param {string} from
 * @returns {string | undefined}
 */
export function findProject(from) {
  const found = upwards(from).filter((folder) => existsSync(join(folder, 'serverless.yml')));
  return found.find((folder) => existsSync(join(folder, 'infra', 'topology.ts'))) ?? found[0];
}

/** @param {string} folder @returns {string[]} */
const upwards = (folder) => [folder, ...(dirname(folder) === folder ? [] : upwards(dirname(folder)))];

/**
 * Returns one sentence for each missing module of the service in the folder `root`.
 *
 * @param {string} root
 * @returns {string[]}
 */
export const missingModules = (root) =>
  Object.entries(SERVICE_MODULES)
    .filter(([path]) => !existsSync(join(root, path)))
    .map(([path, exports]) => `${path} is missing in ${root}: create it, and export ${exports}`);
