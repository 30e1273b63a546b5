// Makes the client believe that it lives on a page, as far as the events of a window go. To be imported before the
// client, which looks for them only once.

const window = new EventTarget();

for (const name of ["addEventListener", "removeEventListener", "dispatchEvent"]) {
  globalThis[name] = window[name].bind(window);
}
