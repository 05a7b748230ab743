// Makes elements. Foreign text becomes a text node, never markup. Also what a browser may refuse, made harmless.

export const $ = (id) => document.getElementById(id);

// Event handlers are properties, so that `patch` can move them from one element to another.
export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name.startsWith('on')) node[name] = value;
    else if (value === true) node.setAttribute(name, '');
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  node.append(...children.flat().filter((child) => child != null && child !== false));
  return node;
}

export const button = (text, onclick, props = {}) => el('button', { type: 'button', onclick, ...props }, text);

export const low = (name) => name.toLowerCase();

// Made once: making one costs as much as drawing a row.
const CLOCK = new Intl.DateTimeFormat([], { hour: '2-digit', minute: '2-digit' });
const WHEN = new Intl.DateTimeFormat([], { dateStyle: 'medium', timeStyle: 'short' });
const SHORT = new Intl.DateTimeFormat([], { day: 'numeric', month: 'short' });

export const clock = (at) => CLOCK.format(new Date(at));

export function day(at) {
  const date = new Date(at);
  const today = new Date();
  if (date.toDateString() === today.toDateString()) return 'Today';
  today.setDate(today.getDate() - 1);
  if (date.toDateString() === today.toDateString()) return 'Yesterday';
  return date.toLocaleDateString([], { weekday: 'long', year: 'numeric', month: 'long', day: 'numeric' });
}

// A moment in a list: the time of today, or else the day.
export const short = (at) => (day(at) === 'Today' ? clock(at) : SHORT.format(new Date(at)));

export const when = (at) => (at ? WHEN.format(new Date(at)) : 'never');

// The end of a ban or mute, and why it was imposed.
export const ends = (until, why) => `${until ? ` until ${when(until)}` : ' for good'}${why ? `: ${why}` : '.'}`;

export const bytes = (text) => new TextEncoder().encode(text).length;

// As many random bytes, in hexadecimal.
export const random = (count) => Array.from(crypto.getRandomValues(new Uint8Array(count)), (byte) => byte.toString(16).padStart(2, '0')).join('');

// Does what is nice to have. Whatever goes wrong with it, what has to be done goes on.
export function nicely(work) {
  try {
    const done = work();
    done?.catch?.(() => {});
    return done;
  } catch {
    return undefined;
  }
}

// Puts a text on the clipboard and says whether that worked. A page on plain http has no clipboard: there the text is
// selected in a field and copied as if by hand.
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const focused = document.activeElement;
    const field = el('textarea', { class: 'hidden', readonly: true, 'aria-hidden': 'true' });
    field.value = text;
    (document.querySelector('dialog[open]') ?? document.body).append(field);
    field.select();
    const done = nicely(() => document.execCommand('copy')) === true;
    field.remove();
    focused?.focus();
    return done;
  }
}

const remember = (storage) => ({
  get(name) { return nicely(() => storage().getItem(`parlor.${name}`)) ?? null; },
  set(name, value) {
    nicely(() => (value == null ? storage().removeItem(`parlor.${name}`) : storage().setItem(`parlor.${name}`, value)));
  },
  json(name) { return nicely(() => JSON.parse(this.get(name))) ?? null; },
});

// What outlives the browser, and what outlives a reload of this tab; a browser may refuse both.
export const memory = remember(() => localStorage);
export const tab = remember(() => sessionStorage);
