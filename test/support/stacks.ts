import { stages } from '../../infra/stages/read-stage.ts';
import { aCheckout, packageStack, type Packaged } from './packaged.ts';

/** The two packaged stacks of a stage. */
export interface Stacks {
  readonly broker: Packaged;
  readonly functions: Packaged;
}

export const stageNames = Object.keys(stages) as readonly ('dev' | 'staging' | 'prod')[];

/**
 * Packages both stacks of every stage, two at a time: each stack has its own checkout, because Serverless writes into the
 * checkout.
 */
export async function packageAll(): Promise<{
  readonly of: Readonly<Record<(typeof stageNames)[number], Stacks>>;
  remove(): void;
}> {
  const [forBroker, forFunctions] = [aCheckout({ withoutCode: true }), aCheckout({ withoutCode: true })];
  const all = async (checkout: string, stack: 'broker' | 'functions') => {
    const packaged: Record<string, Packaged> = {};
    for (const stage of stageNames) packaged[stage] = await packageStack(checkout, stack, stage);
    return packaged;
  };
  const remove = () => {
    forBroker.remove();
    forFunctions.remove();
  };
  try {
    const [brokers, functions] = await Promise.all([
      all(forBroker.directory, 'broker'),
      all(forFunctions.directory, 'functions'),
    ]);
    const of = Object.fromEntries(
      stageNames.map((stage) => [stage, { broker: brokers[stage]!, functions: functions[stage]! }]),
    );
    return { of: of as Record<(typeof stageNames)[number], Stacks>, remove };
  } catch (error) {
    remove();
    throw error;
  }
}
