// The list at the side: what one is in and whom one talks with, or what a search finds. However many people and groups the
// server has, each is looked at once, and only so many are shown.

import { $, button, el, short, low, when } from './dom.js';
import { Chat } from './chat.js';
import { rows } from './rows.js';

// Entries of a part of the list, and of a search.
const SHOWN = 200;
const FOUND = 50;

const WORDS = { on: 'online', away: 'away', off: 'offline', none: '' };

export class List {
  constructor(chat, act) {
    Object.assign(this, { chat, act });
  }

  draw() {
    const { chat } = this;
    const filter = $('filter').value.trim();
    const everybody = { key: '*', title: 'Everybody', conv: chat.conv('*') };
    $('list').classList.toggle('finding', Boolean(filter));
    const found = filter ? this.find(filter) : [];
    rows($('list-found'), filter && !found.length ? [none()] : found.map((one, n) => this.entry(one, n === 0)));
    rows($('list-all'), filter ? [] : [this.entry(everybody)]);
    this.part('groups', filter ? [] : chat.groups.inOrder(), (one) => this.isShown(one));
    this.part('people', filter ? [] : chat.people.inOrder(), (one) => (one.online || one.conv) && one.low !== low(chat.me));
    $('me').textContent = chat.me;
    $('motd').textContent = chat.motd;
    let sum = 0;
    for (const { unread } of chat.convs.values()) sum += unread;
    document.title = `${sum ? `(${sum}) ` : ''}${chat.current ? `${Chat.called(chat.current)} – ` : ''}Parlor`;
  }

  // Groups that one is in, is invited to, or looks at.
  isShown({ conv }) {
    return conv && (conv.mine || conv.unread || conv === this.chat.current);
  }

  // What has unread messages comes first, then whoever is here; each in the order of the alphabet.
  part(name, all, isShown) {
    const ranks = [[], [], []];
    for (const one of all) if (isShown(one)) ranks[one.conv?.unread ? 0 : one.key[0] === '@' && !one.online ? 2 : 1].push(one);
    const sorted = ranks.flat();
    const shown = sorted.slice(0, SHOWN).map((one) => this.entry(one));
    if (sorted.length > SHOWN) shown.push(more(sorted.length - SHOWN));
    rows($(`list-${name}`), shown);
    $(`head-${name}`).hidden = !shown.length;
  }

  // What a search finds, the best first: the name itself, names that begin so, others with these letters; of these, what is
  // unread, open to one or here before the rest. Everybody is found like anything else.
  find(filter) {
    const { chat } = this;
    const wanted = low(filter.replace(/^[@#](?=.)/, ''));
    const ranks = Array.from({ length: 9 }, () => []);
    const look = (one) => {
      const at = one.low.indexOf(wanted);
      const topic = one.conv?.topic ? low(one.conv.topic) : '';
      if (at < 0 && !topic.includes(wanted)) return;
      const match = one.low === wanted || topic === wanted ? 0 : at === 0 || topic.startsWith(wanted) ? 1 : 2;
      const near = one.conv?.unread ? 0 : one.online || one.conv?.mine || one.key === '*' ? 1 : 2;
      const rank = ranks[match * 3 + near];
      if (rank.length < FOUND) rank.push(one);
    };
    const kind = filter.length > 1 ? filter[0] : '';
    if (kind !== '#') for (const one of chat.people.inOrder()) if (one.low !== low(chat.me)) look(one);
    if (kind !== '@') for (const one of chat.groups.inOrder()) look(one);
    if (!kind.match(/[@#]/)) look({ key: '*', low: 'everybody', title: 'Everybody', conv: chat.conv('*') });
    return ranks.flat().slice(0, FOUND);
  }

  state({ key, online, away }) {
    if (key[0] !== '@') return 'none';
    return !online ? 'off' : away ? 'away' : 'on';
  }

  entry(one, first = false) {
    const { key, title, conv, seen } = one;
    const state = this.state(one);
    const group = key[0] === '#';
    const gone = state === 'off' ? seen : null;
    const name = conv ? Chat.called(conv) : title;
    const outside = group && !conv?.mine;
    const unread = conv?.unread ?? 0;
    const open = Boolean(conv) && conv === this.chat.current;
    const count = conv?.room && conv.count ? `${conv.count}/${conv.limit}` : gone ? short(gone) : '';
    const said = [name, title, state, outside, unread, open, count, first, gone].join('\n');
    const make = () => {
      const label = [name, conv?.room ? `room ${title}` : '', WORDS[state], gone ? `last seen ${when(gone)}` : '', outside ? 'not joined' : '', unread ? `${unread} unread` : ''].filter(Boolean).join(', ');
      return el('li', {}, el('button', {
        type: 'button', 'data-key': low(key), 'aria-label': label, 'aria-current': open ? 'true' : null,
        class: ['entry', outside && 'outside', first && 'first'].filter(Boolean).join(' '), onclick: () => this.act.open(key),
      },
      el('span', { class: `dot ${state}` }, group ? (conv?.room ? '⌂' : '#') : key === '*' ? '✱' : ''),
      el('span', { class: 'name' }, name),
      count ? el('span', { class: 'count' }, count) : null,
      unread ? el('span', { class: 'badge' }, String(unread)) : null));
    };
    return { key: low(key), said, make };
  }
}

const none = () => ({ key: 'none', said: '', make: () => el('li', { class: 'line' }, 'Nobody and no group is called so.') });

const more = (count) => ({
  key: 'more', said: count, make: () => el('li', { class: 'line' }, button(`${count.toLocaleString()} more: search`, () => $('filter').focus())),
});
