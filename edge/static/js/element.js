/* Making elements: text is always text, never markup. */

/** An element with its attributes (true is present, false and null are absent; on… are listeners) and children. */
export function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Say something to those who listen: the page's one status line for screen readers. */
export function say(text) {
  const line = document.getElementById("said");
  if (line) line.textContent = text;
}
