/** `logic-fleet alerts`: what is active over the fleet, which sites cannot be seen, and what changed. */
import { renderFleetAlerts } from '@fleet/shared/render-fleet-alerts.ts';
import { type Command, InvalidArgumentError } from 'commander';
import { type ClientFlags, print, withCoordinator } from '../client.ts';
import { realWorld } from '../world.ts';
import { clientOptions } from './options.ts';

interface AlertsFlags extends ClientFlags {
  readonly history: number;
}

export function registerAlerts(program: Command): void {
  const command = program
    .command('alerts')
    .description('what is active over the fleet, and which sites cannot be seen')
    .option('--history <changes>', 'how many of the last changes to show', changes, 20);
  clientOptions(command).action(alertsCommand);
}

async function alertsCommand(flags: AlertsFlags): Promise<void> {
  await withCoordinator(flags, async (client) => {
    const result = await client.fleet.alerts.query({ history: flags.history });
    print(flags, result, (told) => renderFleetAlerts(told, realWorld.now()));
  });
}

function changes(value: string): number {
  const most = Number(value);
  if (!Number.isInteger(most) || most < 0) throw new InvalidArgumentError('a whole number of changes.');
  return most;
}
