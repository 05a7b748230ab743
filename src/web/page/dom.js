// Making elements. Whatever comes from others becomes a text node, never markup.

export const $ = (id) => document.getElementById(id);

export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, '');
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  node.append(...children.flat().filter((child) => child != null && child !== false));
  return node;
}

export const button = (text, onclick, props = {}) => el('button', { type: 'button', onclick, ...props }, text);

export const clock = (at) => new Date(at).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });

export function day(at) {
  const date = new Date(at);
  const today = new Date();
  if (date.toDateString() === today.toDateString()) return 'Today';
  today.setDate(today.getDate() - 1);
  if (date.toDateString() === today.toDateString()) return 'Yesterday';
  return date.toLocaleDateString([], { weekday: 'long', year: 'numeric', month: 'long', day: 'numeric' });
}

// A moment in a list: the time of today, or else the day.
export const short = (at) => (day(at) === 'Today' ? clock(at) : new Date(at).toLocaleDateString([], { day: 'numeric', month: 'short' }));

export const when = (at) => (at ? new Date(at).toLocaleString([], { dateStyle: 'medium', timeStyle: 'short' }) : 'never');

// What may be remembered; a browser may refuse to.
export const memory = {
  get(name) { try { return localStorage.getItem(`parlor.${name}`); } catch { return null; } },
  set(name, value) {
    try {
      if (value == null) localStorage.removeItem(`parlor.${name}`);
      else localStorage.setItem(`parlor.${name}`, value);
    } catch { /* then it is forgotten */ }
  },
};
