// Forms and menus. Each is a modal dialog: Escape closes it, and the focus stays inside.

import { $, button, el, memory, when } from './dom.js';
import { Chat } from './chat.js';
import { roleOf } from './view.js';

const dialog = () => $('dialog');

// Shows a dialog with these elements; returns it.
export function show(title, ...body) {
  const box = dialog();
  if (box.open) box.close();
  box.replaceChildren(
    el('header', { class: 'bar' }, el('h2', { id: 'dialog-title' }, title), button('✕', () => box.close(), { class: 'icon', 'aria-label': 'Close' })),
    el('div', { class: 'body' }, ...body),
  );
  box.setAttribute('aria-labelledby', 'dialog-title');
  box.showModal();
  return box;
}

// Shows a form; each field is [name, label, attributes]. `done` gets the values as an object.
export function form(title, fields, word, done, note) {
  const inputs = new Map(fields.map(([name, , more]) => [name, el('input', { name, autocomplete: 'off', ...more })]));
  const body = el('form', {
    onsubmit(event) {
      event.preventDefault();
      dialog().close();
      done(Object.fromEntries([...inputs].map(([name, input]) => [name, input.type === 'checkbox' ? input.checked : input.value.trim()])));
    },
  },
  note ? el('p', {}, note) : null,
  fields.map(([name, label, more]) => el('label', { class: more?.type === 'checkbox' ? 'check' : '' }, more?.type === 'checkbox' ? [inputs.get(name), ` ${label}`] : [`${label} `, inputs.get(name)])),
  el('button', { type: 'submit', class: 'main' }, word));
  show(title, body);
  inputs.values().next().value?.focus();
}

export const confirm = (title, note, word, done) => form(title, [], word, done, note);

const MENU = 'menu';
export const menu = (...items) => el('div', { class: MENU, role: 'group' }, items);
export const item = (text, onclick, props) => button(text, () => { dialog().close(); onclick(); }, props);

export class Dialogs {
  constructor(chat, act) {
    Object.assign(this, { chat, act });
  }

  main() {
    const { chat, act } = this;
    const theme = document.documentElement.dataset.theme;
    const themes = [['panther', 'Panther'], ['midnight', 'Midnight']];
    show(chat.me,
      menu(
        chat.people.get(chat.me.toLowerCase())?.away ? item('I’m back', () => chat.send('/back'))
          : item('Set me away…', () => form('Away', [['why', 'Reason (optional)', { maxlength: 100 }]], 'Set', ({ why }) => chat.send(`/away ${why}`))),
        globalThis.Notification?.permission === 'default' ? item('Turn on notifications…', () => Notification.requestPermission()) : null,
        chat.guest ? null : item('Change password…', () => chat.send('/passwd')),
        chat.guest ? null : item('Login tokens…', () => chat.send('/token list')),
        chat.role === 'user' ? null : item('Administration', act.operate),
        item('Help', () => act.command('/help')),
        item('Sign out', act.leave),
      ),
      el('fieldset', {}, el('legend', {}, 'Theme'), themes.map(([value, name]) => el('label', { class: 'check' },
        el('input', { type: 'radio', name: 'theme', value, checked: value === theme, onchange: () => act.theme(value) }), ` ${name}`))));
  }

  conversation(conv) {
    const { chat, act } = this;
    const clear = item('Clear this chat…', () => confirm(`Clear ${conv.title}?`, 'Everything said here so far is removed from your view for good. Others keep their copy.', 'Clear', () => chat.send(`/clear ${Chat.of(conv)}`)));
    if (conv.room && conv.mine) {
      return show(Chat.called(conv), el('p', {}, `Room ${conv.title}: ${conv.count ?? 1} of ${conv.limit ?? '?'} are here. Others join with the code ${conv.title}. Nothing is kept.`),
        menu(item('Leave the room', () => chat.send(`/room leave ${conv.title}`), { class: 'danger' })));
    }
    if (conv.kind === 'group') return this.group(conv, clear);
    return show(conv.title, menu(
      item('Ignore', () => chat.send(`/ignore ${conv.title}`)), item('Stop ignoring', () => chat.send(`/unignore ${conv.title}`)),
      item('Report to the operators…', () => this.report(conv.title)), chat.guest ? null : clear,
      chat.role === 'user' ? null : item('Administration…', () => act.operate(conv.title))));
  }

  report(whom) {
    form('Report', [['why', 'Why', { maxlength: 200 }]], 'Report', ({ why }) => this.chat.send(`/report ${whom} ${why}`), `This sends the operators a report about ${whom}.`);
  }

  group(conv, clear) {
    const { chat } = this;
    const name = conv.title;
    const portrait = chat.portraits.get(name.toLowerCase());
    const members = chat.members.get(name.toLowerCase()) ?? [];
    const rank = { owner: 2, admin: 1 }[portrait?.role] ?? 0;
    if (!conv.mine) return show(name, menu(item('Join', () => this.act.join(conv)), clear));
    const acts = (user) => [
      rank === 2 && ['promote', 'Promote'], rank === 2 && ['demote', 'Demote'], rank === 2 && ['transfer', 'Transfer the group to'],
      rank && ['kick', 'Kick'], rank && ['ban', 'Ban'], rank && ['mute', 'Mute'], rank && ['unmute', 'Unmute'],
    ].filter(Boolean).map(([word, text]) => item(`${text} ${user}`, () => this.rule(word, text, user, name), { class: /kick|ban|mute/.test(word) ? 'danger' : null }));
    const person = (user) => el('li', {}, rank && user.toLowerCase() !== chat.me.toLowerCase()
      ? el('details', {}, el('summary', {}, user, el('small', {}, ` ${roleOf(portrait, user)}`)), menu(...acts(user)))
      : [user, el('small', {}, ` ${roleOf(portrait, user)}`)]);
    return show(name,
      menu(
        rank ? item('Invite…', () => form(`Invite to ${name}`, [['who', 'User', { required: true }]], 'Invite', ({ who }) => chat.send(`/invite ${who} ${name}`))) : null,
        rank ? item('Settings…', () => this.settings(name, portrait, rank)) : null,
        rank ? item('Bans and mutes…', () => chat.send(`/bans ${name}`)) : null,
        chat.guest ? null : clear,
        item('Leave the group', () => chat.send(`/leave_group ${name}`), { class: 'danger' }),
      ),
      el('h3', {}, 'Members'), el('ul', { class: 'people' }, members.map(person)));
  }

  // Kicks, bans and mutes ask for a reason; bans and mutes also for a duration.
  rule(word, text, user, group) {
    const timed = word === 'ban' || word === 'mute';
    if (!timed && word !== 'kick') return this.chat.send(`/${word} ${user} ${group}`);
    const fields = [['why', 'Reason (optional)', { maxlength: 200 }]];
    if (timed) fields.unshift(['time', 'For how long (10m, 2h, 7d; empty: permanent)', { pattern: '\\d+[smhd]' }]);
    return form(`${text} ${user}`, fields, text, ({ time = '', why }) => this.chat.send(`/${word} ${user} ${group} ${time} ${why}`.replace(/ +/g, ' ').trim()));
  }

  settings(group, now, rank) {
    const switches = ['private', 'announce', 'keep'];
    const labels = { private: 'Private: hidden from outsiders', announce: 'Only owners and admins can write', keep: 'Persistent: stays when everyone is offline' };
    const owner = rank === 2 ? [['limit', 'Maximum number of members (empty: no limit)', { type: 'number', min: 1, value: now.limit ?? '' }],
      ...switches.map((word) => [word, labels[word], { type: 'checkbox', checked: now[word] }]),
      ['password', 'Password (empty: unchanged)', { type: 'password', autocomplete: 'new-password' }]] : [];
    form(`Settings of ${group}`, [['topic', 'Topic', { maxlength: 200, value: now.text ?? '' }], ...owner], 'Save', (said) => {
      const words = [];
      if (rank === 2) {
        if (said.limit !== String(now.limit ?? '')) words.push(said.limit ? `limit=${said.limit}` : '-limit');
        for (const word of switches) if (said[word] !== now[word]) words.push(said[word] ? word : `-${word}`);
        if (said.password) words.push(`password=${said.password}`);
      }
      if (said.topic !== (now.text ?? '')) words.push(said.topic ? `topic=${said.topic}` : '-topic');
      if (words.length) this.chat.send(`/group ${group} ${words.join(' ')}`);
    });
  }

  newGroup() {
    form('New group', [['name', 'Name', { required: true, maxlength: 32, pattern: '[A-Za-z0-9][A-Za-z0-9_.\\-]*' }],
      ['keep', 'Persistent: stays when everyone is offline', { type: 'checkbox' }], ['private', 'Private', { type: 'checkbox' }], ['topic', 'Topic (optional)', { maxlength: 200 }]],
    'Create', ({ name, keep, private: hidden, topic }) => this.chat.send(`/create_group ${name}${keep ? ' keep' : ''}${hidden ? ' private' : ''}${topic ? ` topic=${topic}` : ''}`),
    'Letters, digits, _ . and -');
  }

  room() {
    const send = (line) => (event) => {
      event.preventDefault();
      dialog().close();
      const { elements } = event.target;
      this.chat.send(line((name) => elements[name].value.trim()).trim());
    };
    const code = el('input', { name: 'code', maxlength: 4, required: true, pattern: '[A-Za-z0-9]{4}', title: 'Four letters or digits', autocapitalize: 'characters', autocomplete: 'off', spellcheck: 'false' });
    show('Rooms', el('p', {}, 'A room is for two to eight people; anyone with its code can join. Nothing said in it is kept. An empty room disappears; reloading the page leaves it.'),
      el('form', { class: 'part', onsubmit: send((said) => `/room create ${said('size')} ${said('topic')}`) }, el('h3', {}, 'New room'),
        el('label', {}, 'Name (optional) ', el('input', { name: 'topic', maxlength: 60, autocomplete: 'off' })),
        el('label', {}, 'For how many people ', el('input', { name: 'size', type: 'number', min: 2, max: 8, value: 4, required: true })),
        el('button', { class: 'main' }, 'Create room')),
      el('form', { class: 'part', onsubmit: send((said) => `/room join ${said('code')}`) }, el('h3', {}, 'Join a room'), el('label', {}, 'Code ', code), el('button', { class: 'main' }, 'Join')));
  }

  roomLost(conv) {
    show('You left the room', el('p', {}, `The connection was lost, and you left ${Chat.called(conv)}. If somebody is still there, you can join again with its code.`),
      menu(item(`Rejoin ${conv.title}`, () => this.chat.send(`/room join ${conv.title}`))));
  }

  bans({ group, bans }) {
    show(`Bans and mutes of ${group}`, bans.length ? el('ul', { class: 'people' }, bans.map(({ user, what, by, until, text }) => el('li', { class: 'row' },
      el('span', { class: 'name' }, `${user} is ${what} by ${by}${until ? ` until ${when(until)}` : ''}${text ? `: ${text}` : ''}`),
      item('Lift', () => this.chat.send(`/un${what === 'muted' ? 'mute' : 'ban'} ${user} ${group}`))))) : el('p', {}, 'None.'));
  }

  tokens({ tokens }) {
    show('Login tokens', el('p', {}, 'Each token signs in without your password. Revoking it ends its sessions.'),
      el('ul', { class: 'people' }, tokens.map(({ name, made, expires }) => el('li', { class: 'row' },
        el('span', { class: 'name' }, `${name}, created ${when(made)}`, el('br'), el('small', {}, expires ? `valid until ${when(expires)}` : 'valid until revoked')),
        item('Revoke', () => this.chat.send(`/token revoke ${name}`), { class: 'danger', 'aria-label': `Revoke ${name}` })))),
      tokens.length ? null : el('p', {}, 'You have none.'),
      menu(item('New token…', () => form('New token', [['name', 'Name', { required: true, maxlength: 32, pattern: '[A-Za-z0-9][A-Za-z0-9_.\\-]*' }], ['days', 'Days (empty: no expiry)', { type: 'number', min: 1, max: 3650 }]], 'Create', ({ name, days }) => this.chat.send(`/token new ${name} ${days}`.trim())))));
  }

  message(conv, message, own) {
    const { chat } = this;
    show('Message', el('p', {}, `${message.from}, ${when(message.at)}`), el('blockquote', {}, message.text ?? ''), menu(
      item('Copy', () => navigator.clipboard?.writeText(message.text ?? '')),
      own || chat.role !== 'user' ? item('Delete for everyone…', () => form('Delete this message?', own ? [] : [['why', 'Reason', { maxlength: 200, required: true }]], 'Delete',
        ({ why = '' }) => chat.send(`/delete ${message.id} ${why}`.trim()), 'Others will see that a message was deleted.'), { class: 'danger' }) : null,
      own ? null : item('Report to the operators…', () => this.report(message.id))));
  }

  search(conv) {
    form('Search', [['words', 'Words', { required: true, type: 'search' }], ['here', conv ? `Only in ${conv.title}` : 'Everywhere', { type: 'checkbox', disabled: !conv || conv.kind === 'all' }]],
      'Search', ({ words, here }) => this.chat.send(`/search ${words}${here && conv ? ` in ${Chat.of(conv)}` : ''}`));
  }

  found(messages) {
    const place = (one) => (one.group ? `#${one.group}` : one.to ? `@${one.from.toLowerCase() === this.chat.me.toLowerCase() ? one.to : one.from}` : '*');
    show('Search results', messages.length ? el('ul', { class: 'people' }, messages.toReversed().map((one) => el('li', {},
      item(`${place(one)} · ${one.from} · ${when(one.at)}\n${one.text ?? ''}`, () => this.act.open(place(one)), { class: 'found' })))) : el('p', {}, 'No message contains all of these words.'));
  }

  secret(what) {
    const words = { old_password: 'Old password', new_password: 'New password', same_again: 'Repeat password', password: 'Your password' };
    let answered = false;
    form(words[what] ?? what, [['secret', words[what] ?? what, { type: 'password', required: true, autocomplete: 'off' }]], 'Continue', ({ secret }) => {
      answered = true;
      this.chat.send(secret);
    });
    dialog().addEventListener('close', () => answered || this.chat.send(''), { once: true });
  }

  token({ name, text, expires }) {
    show(`Token ${name}`, el('p', {}, `It is shown only once, and valid until ${expires ? when(expires) : 'you revoke it'}.`), el('input', { readonly: true, value: text, 'aria-label': 'Token' }));
  }
}

export const remembered = () => {
  try { return JSON.parse(memory.get('stay')); } catch { return null; }
};
