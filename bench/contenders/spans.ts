import type { MachineEvent } from '../../local/machine/events.ts';

/** How long an execution was in each of its states; those of the items of a Map are its own time. */
export function spansOf(): { onEvent(event: MachineEvent): void; seconds(): Record<string, number> } {
  const entered = new Map<string, number>();
  const spans: Record<string, number> = {};
  return {
    onEvent(event) {
      if (event.item) return;
      if (event.type === 'StateEntered') entered.set(event.state, performance.now());
      if (event.type !== 'StateExited') return;
      const since = entered.get(event.state);
      if (since === undefined) return;
      entered.delete(event.state);
      spans[event.state] = (spans[event.state] ?? 0) + (performance.now() - since) / 1e3;
    },
    seconds: () => spans,
  };
}
