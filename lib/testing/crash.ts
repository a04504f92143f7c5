import { describeError } from '../runtime/errors.ts';
import { createMemoryConsumer } from './memory-consumer.ts';
import { definitionOf, toTestConsumer, type Consumable, type TestConsumer } from './test-consumer.ts';

/**
 * Runs a scenario once without a crash, and once for each step of the consumer, with a crash after this step and a
 * redelivery. The expectations of the scenario must hold in every run.
 */
export async function crashAfterEachStep(
  consumable: Consumable,
  scenario: (consumer: TestConsumer) => unknown,
): Promise<void> {
  const definition = definitionOf(consumable);
  const calm = createMemoryConsumer(definition);
  await scenario(toTestConsumer(calm));
  const steps = calm.points();
  if (steps === 0)
    throw new Error(
      'the scenario delivers no message, so there is no step after which the process can crash: deliver a message',
    );
  for (let point = 1; point <= steps; point += 1) {
    const crashing = createMemoryConsumer(definition, point);
    try {
      await scenario(toTestConsumer(crashing));
    } catch (error) {
      const step = crashing.crashedAfter();
      if (step === undefined) throw error;
      const { message: text } = describeError(error);
      throw new Error(`the scenario fails if the process crashes after the step "${step}": ${text}`, { cause: error });
    }
  }
}
