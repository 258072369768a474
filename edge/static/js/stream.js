/* Server-sent events that rest while the tab is hidden: a browser opens only six connections to one host. */

const AGAIN_MS = 5000;

/** Listen at `address()` (asked anew each time) to `events` {name: callback}; `onState(true|false)` tells whether it runs. */
export function listen(address, events, onState = () => {}) {
  let source = null;
  let clock = 0;
  let stopped = false;

  function open() {
    clearTimeout(clock);
    if (source || stopped || document.hidden) return;
    source = new EventSource(address());
    source.onopen = () => onState(true);
    source.onerror = () => {
      onState(false);
      if (source?.readyState !== EventSource.CLOSED) return;
      close();
      clock = setTimeout(open, AGAIN_MS);
    };
    for (const [name, callback] of Object.entries(events)) {
      source.addEventListener(name, (event) => callback(event.data ? JSON.parse(event.data) : null));
    }
  }

  function close() {
    clearTimeout(clock);
    source?.close();
    source = null;
  }

  function look() {
    if (document.hidden) close();
    else open();
  }

  document.addEventListener("visibilitychange", look);
  window.addEventListener("pagehide", close);
  window.addEventListener("pageshow", look);
  open();
  return {
    again() { close(); open(); },
    stop() {
      stopped = true;
      close();
      document.removeEventListener("visibilitychange", look);
      window.removeEventListener("pagehide", close);
      window.removeEventListener("pageshow", look);
    },
  };
}
