import { callUser } from './calls.js';

/**
 * Holds the hooks of a task until the application could set them: until the functions that wait for
 * the promise of the task have run.
 */
export class HeldHooks {
  /**
   * @param {object} task has the hooks
   * @param {function} resolve resolves the promise of the task
   */
  constructor(task, resolve) {
    this.task = task;
    this.resolve = resolve;
    /** null after the release. */
    this.held = [];
  }

  call(name, argument) {
    if (this.held) this.held.push([name, argument]);
    else callUser(this.task[name], argument, this.task);
  }

  /** Resolves the promise. The held hooks follow when its functions have run. */
  release() {
    if (!this.resolve) return;
    this.resolve(this.task);
    this.resolve = null;
    setTimeout(() => {
      const { held } = this;
      this.held = null;
      held.forEach(([name, argument]) => this.call(name, argument));
    });
  }
}
