// Keeps what is shown up to date without drawing it anew: rows are added, changed, moved and removed, and whatever stays
// the same is not touched. So the focus, a selection, and the place one has scrolled to stay as they are.

const HANDLERS = ['onclick', 'onsubmit', 'onchange'];

// Makes an element like a fresh one, and returns it; if it is one of another kind, the fresh one takes its place.
export function patch(old, fresh) {
  if (old.nodeName !== fresh.nodeName) {
    old.replaceWith(fresh);
    return fresh;
  }
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return old;
  }
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  for (const name of HANDLERS) old[name] = fresh[name];
  const before = [...old.childNodes];
  const after = [...fresh.childNodes];
  after.forEach((child, n) => (n < before.length ? patch(before[n], child) : old.append(child)));
  before.slice(after.length).forEach((child) => child.remove());
  return old;
}

// Makes the children of an element like those of a fresh one.
export const fill = (old, ...children) => {
  const fresh = old.cloneNode(false);
  fresh.append(...children.flat().filter((child) => child != null && child !== false));
  patch(old, fresh);
};

const drawn = new WeakMap();

// Makes these rows the children of `box`, in this order. A row is `{ key, said, make }`: the same key is the same row, and
// only if `said` has changed since it was drawn, `make` draws it again. Its element knows its key as `rowKey`.
export function rows(box, wanted) {
  const before = drawn.get(box) ?? [];
  const after = new Array(wanted.length);
  const same = (old, row) => {
    if (old.said !== row.said) Object.assign(old, { said: row.said, node: patch(old.node, row.make()) });
    return old;
  };
  let [start, end] = [0, 0];
  const most = Math.min(before.length, wanted.length);
  while (start < most && before[start].key === wanted[start].key) {
    after[start] = same(before[start], wanted[start]);
    start += 1;
  }
  while (end < most - start && before.at(-1 - end).key === wanted.at(-1 - end).key) {
    after[wanted.length - 1 - end] = same(before.at(-1 - end), wanted.at(-1 - end));
    end += 1;
  }
  const left = new Map(before.slice(start, before.length - end).map((row) => [row.key, row]));
  for (let n = start; n < wanted.length - end; n += 1) {
    const { key, said, make } = wanted[n];
    const old = left.get(key);
    left.delete(key);
    after[n] = old ? same(old, wanted[n]) : { key, said, node: make() };
  }
  for (const { node } of left.values()) node.remove();
  after.forEach(({ key, node }) => { node.rowKey = key; });
  place(box, after.slice(start, wanted.length - end).map(({ node }) => node), before[start - 1]?.node, after[wanted.length - end]?.node);
  drawn.set(box, after);
}

// Puts nodes in this order between two others. Those that are in order already are not moved.
function place(box, nodes, first, last = null) {
  const focused = box.contains(document.activeElement) ? document.activeElement : null;
  let at = first ? first.nextSibling : box.firstChild;
  for (const node of nodes) {
    // The one in between has moved down, and is met later.
    if (at && at !== node && at.nextSibling === node && at !== last) at = node;
    if (at === node) at = node.nextSibling;
    else if (node.parentNode === box && box.moveBefore) box.moveBefore(node, at);
    else box.insertBefore(node, at);
  }
  if (focused && document.activeElement !== focused) focused.focus({ preventScroll: true });
}
