// Forms and menus. Each is a modal dialog: Escape closes it, and the focus stays inside.

import { $, button, copy, el, ends, low, memory, nicely, when } from './dom.js';
import { Chat } from './chat.js';
import { people, roleOf } from './view.js';

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

// Sends what a form makes of its fields, with `send`, and keeps it open until that is accepted: what is refused can be
// changed. `send` returns the line, null if it could not be sent, and nothing if there is nothing to wait for.
function submit(event, send) {
  event.preventDefault();
  const body = event.target;
  const why = body.querySelector('.why');
  const closed = () => !body.isConnected || !dialog().open;
  const line = send(body);
  const refused = (text) => {
    why.textContent = text;
    body.querySelector('.main').disabled = false;
  };
  if (line === undefined) return closed() || dialog().close();
  if (line === null) return refused('There is no connection.');
  body.querySelector('.main').disabled = true;
  why.textContent = '';
  line.done = () => closed() || dialog().close();
  line.failed = (text) => (closed() ? show('That failed', el('p', {}, text)) : refused(text));
  return line;
}

// Shows a form; each field is [name, label, attributes]. `send` gets the values as an object.
export function form(title, fields, word, send, note) {
  const inputs = new Map(fields.map(([name, , more]) => [name, el('input', { name, autocomplete: 'off', ...more })]));
  const value = (input) => (input.type === 'checkbox' ? input.checked : input.value.trim());
  const body = el('form', { onsubmit: (event) => submit(event, () => send(Object.fromEntries([...inputs].map(([name, input]) => [name, value(input)])))) },
    note ? el('p', {}, note) : null,
    fields.map(([name, label, more]) => el('label', { class: more?.type === 'checkbox' ? 'check' : '' }, more?.type === 'checkbox' ? [inputs.get(name), ` ${label}`] : [`${label} `, inputs.get(name)])),
    el('p', { class: 'why note', role: 'alert' }),
    el('button', { type: 'submit', class: 'main' }, word));
  show(title, body);
  inputs.values().next().value?.focus();
}

export const confirm = (title, note, word, send) => form(title, [], word, send, note);

const MENU = 'menu';
export const menu = (...items) => el('div', { class: MENU, role: 'group' }, items);
export const item = (text, onclick, props) => button(text, () => { dialog().close(); onclick(); }, props);

const NAME = '[A-Za-z0-9][A-Za-z0-9_.\\-]{0,31}';
const NAMED = '1 to 32 letters, digits, _ . and -; the first is a letter or digit.';

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
        chat.people.get(chat.me)?.away ? item('I’m back', () => chat.send('/back'))
          : item('Set me away…', () => form('Away', [['why', 'Reason (optional)']], 'Set', ({ why }) => chat.send(`/away ${why}`))),
        globalThis.Notification?.permission === 'default' ? item('Turn on notifications…', () => nicely(() => Notification.requestPermission())) : null,
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
        menu(item('Leave the room…', () => confirm(`Leave ${Chat.called(conv)}?`, 'Nothing that was said in it is kept. Whoever is the last to leave ends it.', 'Leave', () => chat.send(`/room leave ${conv.title}`)), { class: 'danger' })));
    }
    if (conv.kind === 'group') return this.group(conv, clear);
    return show(conv.title, menu(
      chat.ignored.has(low(conv.title)) ? item('Stop ignoring', () => chat.send(`/unignore ${conv.title}`)) : item('Ignore', () => chat.send(`/ignore ${conv.title}`)),
      item('Report to the operators…', () => this.report(conv.title)), chat.guest ? null : clear,
      chat.role === 'user' ? null : item('Administration…', () => act.operate(conv.title))));
  }

  report(whom) {
    form('Report', [['why', 'Why']], 'Report', ({ why }) => this.chat.send(`/report ${whom} ${why}`), `This sends the operators a report about ${whom}.`);
  }

  group(conv, clear) {
    const { chat } = this;
    const name = conv.title;
    const info = chat.infos.get(low(name));
    const ranks = { owner: 2, admin: 1 };
    const rank = ranks[info?.role] ?? 0;
    if (!conv.mine) return show(name, menu(item('Join', () => this.act.join(conv)), chat.guest ? null : clear));
    const acts = (user) => [
      rank === 2 && ['promote', 'Promote'], rank === 2 && ['demote', 'Demote'], rank === 2 && ['transfer', 'Transfer the group to'],
      ['kick', 'Kick'], ['ban', 'Ban'], ['mute', 'Mute'], ['unmute', 'Unmute'],
    ].filter(Boolean).map(([word, text]) => item(`${text} ${user}${word === 'transfer' ? '…' : ''}`, () => this.rule(word, text, user, name), { class: /kick|ban|mute/.test(word) ? 'danger' : null }));
    const person = (user) => {
      const role = roleOf(info, user);
      const words = [user, el('small', {}, ` ${role}`)];
      return el('li', {}, rank > (ranks[role] ?? 0) && low(user) !== low(chat.me) ? el('details', {}, el('summary', {}, words), menu(...acts(user))) : words);
    };
    return show(name,
      menu(
        rank ? item('Invite…', () => form(`Invite to ${name}`, [['who', 'User', { required: true }]], 'Invite', ({ who }) => chat.send(`/invite ${who} ${name}`))) : null,
        rank ? item('Settings…', () => this.settings(name, info, rank)) : null,
        rank ? item('Bans and mutes…', () => chat.send(`/bans ${name}`)) : null,
        chat.guest ? null : clear,
        item('Leave the group…', () => confirm(`Leave ${name}?`, this.leaving(conv, info), 'Leave', () => chat.send(`/leave_group ${name}`)), { class: 'danger' }),
      ),
      el('h3', {}, 'Members'), el('ul', { class: 'people' }, people(chat, conv, person)));
  }

  // What leaving a group comes to.
  leaving({ title }, info) {
    if (info?.members === 1) return `You are its last member: with you, ${title} is gone.`;
    return `You hear no more of what is said there.${info?.private ? ' It is private: coming back takes an invitation or its password.' : ''}`;
  }

  // Kicks, bans and mutes ask for a reason, bans and mutes also for a duration. What cannot be undone is confirmed first.
  rule(word, text, user, group) {
    if (word === 'transfer') return confirm(`${text} ${user}?`, `${user} becomes the owner of ${group}, and you no longer own it.`, 'Transfer', () => this.chat.send(`/transfer ${user} ${group}`));
    const timed = word === 'ban' || word === 'mute';
    if (!timed && word !== 'kick') return this.chat.send(`/${word} ${user} ${group}`);
    const fields = [['why', 'Reason (optional)']];
    if (timed) fields.unshift(['time', 'For how long (10m, 2h, 7d; empty: permanent)', { pattern: '\\d+[smhd]' }]);
    return form(`${text} ${user}`, fields, text, ({ time = '', why }) => this.chat.send(`/${word} ${user} ${group} ${time} ${why}`.replace(/ +/g, ' ').trim()));
  }

  settings(group, now, rank) {
    const switches = ['private', 'announce', 'keep'];
    const labels = { private: 'Private: hidden from outsiders', announce: 'Only owners and admins can write', keep: 'Persistent: stays when everyone is offline' };
    const owner = rank === 2 ? [['limit', 'Maximum number of members (empty: no limit)', { type: 'number', min: 1, value: now.limit ?? '' }],
      ...switches.map((word) => [word, labels[word], { type: 'checkbox', checked: now[word] }]),
      ['password', 'Password (empty: unchanged)', { type: 'password', autocomplete: 'new-password' }]] : [];
    form(`Settings of ${group}`, [['topic', 'Topic', { value: now.text ?? '' }], ...owner], 'Save', (said) => {
      const words = [];
      if (rank === 2) {
        if (said.limit !== String(now.limit ?? '')) words.push(said.limit ? `limit=${said.limit}` : '-limit');
        for (const word of switches) if (said[word] !== now[word]) words.push(said[word] ? word : `-${word}`);
        if (said.password) words.push(`password=${said.password}`);
      }
      if (said.topic !== (now.text ?? '')) words.push(said.topic ? `topic=${said.topic}` : '-topic');
      return words.length ? this.chat.send(`/group ${group} ${words.join(' ')}`) : undefined;
    });
  }

  newGroup() {
    form('New group', [['name', 'Name', { required: true, pattern: NAME, title: NAMED }],
      ['keep', 'Persistent: stays when everyone is offline', { type: 'checkbox' }], ['private', 'Private', { type: 'checkbox' }], ['topic', 'Topic (optional)']],
    'Create', ({ name, keep, private: hidden, topic }) => this.chat.send(`/create_group ${name}${keep ? ' keep' : ''}${hidden ? ' private' : ''}${topic ? ` topic=${topic}` : ''}`),
    NAMED);
  }

  room() {
    const send = (line) => (event) => submit(event, ({ elements }) => this.chat.send(line((name) => elements[name].value.trim()).trim()));
    const why = () => el('p', { class: 'why note', role: 'alert' });
    const code = el('input', { name: 'code', required: true, pattern: '[A-Za-z0-9]{4}', title: 'Four letters or digits', autocapitalize: 'characters', autocomplete: 'off', spellcheck: 'false' });
    show('Rooms', el('p', {}, 'A room is for two to eight people; anyone with its code can join. Nothing said in it is kept. An empty room disappears; reloading the page leaves it.'),
      el('form', { class: 'part', onsubmit: send((said) => `/room create ${said('size')} ${said('topic')}`) }, el('h3', {}, 'New room'),
        el('label', {}, 'Name (optional) ', el('input', { name: 'topic', autocomplete: 'off' })),
        el('label', {}, 'For how many people ', el('input', { name: 'size', type: 'number', min: 2, max: 8, value: 4, required: true })),
        why(), el('button', { class: 'main' }, 'Create room')),
      el('form', { class: 'part', onsubmit: send((said) => `/room join ${said('code')}`) }, el('h3', {}, 'Join a room'), el('label', {}, 'Code ', code), why(), el('button', { class: 'main' }, 'Join')));
  }

  roomLost(conv) {
    show('You left the room', el('p', {}, `The connection was lost, and you left ${Chat.called(conv)}. If somebody is still there, you can join again with its code.`),
      menu(item(`Rejoin ${conv.title}`, () => this.chat.send(`/room join ${conv.title}`))));
  }

  bans({ group, bans }) {
    show(`Bans and mutes of ${group}`, bans.length ? el('ul', { class: 'people' }, bans.map(({ user, what, by, until, text }) => el('li', { class: 'row' },
      el('span', { class: 'name' }, `${user} is ${what} by ${by}${ends(until, text)}`),
      item('Lift', () => this.chat.send(`/un${what === 'muted' ? 'mute' : 'ban'} ${user} ${group}`))))) : el('p', {}, 'None.'));
  }

  tokens({ tokens }) {
    show('Login tokens', el('p', {}, 'Each token signs in without your password. Revoking it ends its sessions.'),
      el('ul', { class: 'people' }, tokens.map(({ name, made, expires }) => el('li', { class: 'row' },
        el('span', { class: 'name' }, `${name}, created ${when(made)}`, el('br'), el('small', {}, expires ? `valid until ${when(expires)}` : 'valid until revoked')),
        item('Revoke…', () => confirm(`Revoke ${name}?`, 'Whoever is signed in with this token is signed out, and it cannot be used again.', 'Revoke', () => this.chat.send(`/token revoke ${name}`)), { class: 'danger', 'aria-label': `Revoke ${name}` })))),
      tokens.length ? null : el('p', {}, 'You have none.'),
      menu(item('New token…', () => form('New token', [['name', 'Name', { required: true, pattern: NAME, title: NAMED }], ['days', 'Days (empty: no expiry)', { type: 'number', min: 1, max: 3650 }]], 'Create', ({ name, days }) => this.chat.send(`/token new ${name} ${days}`.trim())))));
  }

  message(conv, message, own) {
    const { chat } = this;
    show('Message', el('p', {}, `${message.from}, ${when(message.at)}`), el('blockquote', {}, message.text ?? ''), menu(
      item('Copy', () => this.copy(message.text ?? '')),
      own || chat.role !== 'user' ? item('Delete for everyone…', () => form('Delete this message?', own ? [] : [['why', 'Reason', { required: true }]], 'Delete',
        ({ why = '' }) => chat.send(`/delete ${message.id} ${why}`.trim()), 'Others will see that a message was deleted.'), { class: 'danger' }) : null,
      own ? null : item('Report to the operators…', () => this.report(message.id))));
  }

  search(conv) {
    form('Search', [['words', 'Words', { required: true, type: 'search' }], ['here', conv ? `Only in ${conv.title}` : 'Everywhere', { type: 'checkbox', disabled: !conv || conv.kind === 'all' }]],
      'Search', ({ words, here }) => this.chat.send(`/search ${words}${here && conv ? ` in ${Chat.of(conv)}` : ''}`));
  }

  async copy(text) {
    if (await copy(text)) return;
    const field = el('input', { readonly: true, value: text, 'aria-label': 'Text' });
    show('Copy', el('p', {}, 'This browser copies nothing by itself here.'), field);
    field.select();
  }

  found({ got: messages, what }) {
    const place = (one) => (one.group ? `#${one.group}` : one.to ? `@${low(one.from) === low(this.chat.me) ? one.to : one.from}` : '*');
    show(what === 'history' ? 'History' : 'Search results', messages.length ? el('ul', { class: 'people' }, messages.toReversed().map((one) => el('li', {},
      item(`${place(one)} · ${one.from} · ${when(one.at)}\n${one.text ?? ''}`, () => this.act.open(place(one)), { class: 'found' })))) : el('p', {}, what === 'history' ? 'No messages yet.' : 'No message contains all of these words.'));
  }

  secret(what) {
    const words = { old_password: 'Old password', new_password: 'New password', same_again: 'Repeat password', password: 'Your password' };
    let answered = false;
    form(words[what] ?? what, [['secret', words[what] ?? what, { type: 'password', required: true, autocomplete: 'off' }]], 'Continue', ({ secret }) => {
      answered = true;
      if (what === 'new_password') this.password = secret;
      this.chat.answer(secret);
    });
    dialog().addEventListener('close', () => answered || this.chat.answer(''), { once: true });
  }

  token({ name, text, expires }) {
    show(`Token ${name}`, el('p', {}, `It is shown only once, and valid until ${expires ? when(expires) : 'you revoke it'}.`), el('input', { readonly: true, value: text, 'aria-label': 'Token' }));
  }
}

export const remembered = () => memory.json('stay');
