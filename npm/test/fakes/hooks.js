/** Sets all hooks of a task and keeps their calls: `[name, argument]`. */
export function recordHooks(task) {
  const calls = [];
  const names = Object.keys(task).filter(name => /^on[A-Za-z]/.test(name));
  names.forEach(name => { task[name] = argument => { calls.push([name, argument]); }; });
  calls.names = () => calls.map(([name]) => name);
  calls.of = name => calls.filter(call => call[0] === name).map(call => call[1]);
  return calls;
}
