/** Where in a Map's items an event happened; absent for the execution's own states. */
export interface ItemPlace {
  map: string;
  index: number;
}

interface Base {
  /** The execution's name; that of the parent for what happens inside a Map. */
  execution: string;
  at: Date;
  item?: ItemPlace;
}

export type StateType = 'Pass' | 'Task' | 'Map' | 'Choice' | 'Wait' | 'Succeed' | 'Fail';

/** What the local machine tells while it runs, in the order in which it happens. */
export type MachineEvent = Base &
  (
    | { type: 'ExecutionStarted' }
    | { type: 'ExecutionEnded'; status: 'SUCCEEDED' | 'FAILED' | 'ABORTED'; error?: { name: string; cause: string } }
    | { type: 'StateEntered'; state: string; stateType: StateType }
    /** `branch` is the number of the rule that a Choice took; `next` is absent where the machine ends. */
    | { type: 'StateExited'; state: string; stateType: StateType; next?: string; branch?: number | 'default' }
    | { type: 'WaitStarted'; state: string; seconds: number }
    | { type: 'StateRetried'; state: string; retrier: number; attempt: number; delaySeconds: number; error: string }
    | { type: 'StateCaught'; state: string; catcher: number; next: string; error: string; cause: string }
    | { type: 'MapStarted'; state: string; items: number }
    /** `caught` says that an error in the item was caught inside: it was set aside, not loaded. */
    | { type: 'ItemEnded'; state: string; index: number; status: 'SUCCEEDED' | 'FAILED'; caught: boolean }
    | { type: 'MapEnded'; state: string; items: number; failed: number; caught: number }
    | { type: 'SuccessorStarted'; name: string }
  );

/** Distributes over the union, so that each kind keeps its own fields. */
type Bare<E> = E extends MachineEvent ? Omit<E, keyof Base> : never;
/** An event before it is given its execution and time. */
export type EventFields = Bare<MachineEvent>;
