// Runs cases of the state machine in aws-local-stepfunctions: its items as they are, and the machine around them with a
// Pass in the place of the Map. Reads `{"definition", "cases"}` from standard input and writes how each case ended.

import { readFileSync } from 'node:fs';
import { StateMachine } from 'aws-local-stepfunctions';

const { definition, cases } = JSON.parse(readFileSync(0, 'utf8'));
// Its constructor validates a definition (asl-validator).
new StateMachine(structuredClone(definition));
const item = definition.States.Blocks.ItemProcessor;
delete item.ProcessorConfig;
const whole = structuredClone(definition);
whole.States.Blocks = { Type: 'Pass', Next: 'Summarize' };
const machines = { item: new StateMachine(item), whole: new StateMachine(whole) };
const tasks = [item, whole].flatMap(({ States }) => Object.keys(States).filter((name) => States[name].Type === 'Task'));

async function run({ machine, input, state, error, failures }) {
  let calls = 0;
  const answer = (name) => ({ Payload }) => {
    if (name === state && ++calls <= failures) {
      throw Object.assign(new Error('the cause'), { name: error });
    }
    const plan = { run_id: 'run', block_count: 1, dry_run: false, max_concurrency: 1, config: {} };
    return { Payload: name === 'PlanBlocks' ? plan : Payload };
  };
  const overrides = {
    taskResourceLocalHandlers: Object.fromEntries(tasks.map((name) => [name, answer(name)])),
    retryIntervalOverrides: Object.fromEntries(tasks.map((name) => [name, 0])),
  };
  const context = { Execution: { Id: 'execution' } };
  const execution = machines[machine].run(input, { overrides, context });
  try {
    await execution.result;
    return { calls, error: null };
  } catch (failed) {
    return { calls, error: failed.name === 'ExecutionError' ? failed.cause?.name ?? failed.message : failed.name };
  }
}

const ended = {};
for (const one of cases) {
  ended[one.id] = await run(one);
}
console.log(JSON.stringify(ended));
