// What each event of the server changes. An event that is none of these is shown as it is.

import { Chat } from './chat.js';
import { ends, low, when } from './dom.js';

const handlers = {
  ask(chat, { what }) { if (chat.online) chat.tell('ask', what); },
  guest(chat, { name }) { chat.called(name); },
  pong(chat, { text }, line) { if (line?.typed) here(chat, `Pong: ${text}`, line); },
  help(chat, { text }, line) {
    if (!line?.quiet) here(chat, text, line);
    chat.changed('list');
  },
  whoami(chat, { name, groups }) {
    chat.called(name);
    const mine = new Set(groups.map(low));
    for (const conv of chat.convs.values()) {
      if (conv.kind !== 'group' || !conv.mine || mine.has(low(conv.title))) continue;
      // A room is left with its session, and this is another one.
      if (conv.room) chat.tell('room_lost', conv);
      leave(chat, conv.title, 'You are in this group no more.');
    }
    groups.forEach((group) => join(chat, group));
    chat.changed('all');
  },
  users(chat, { users }) {
    for (const one of chat.people.all) one.online = false;
    for (const { name, away } of users) person(chat, name, { online: true, away });
    chat.people.keep(({ online, conv }) => online || conv);
    chat.changed('list');
  },
  groups(chat, { names, topics }) {
    for (const one of chat.groups.all) one.known = false;
    for (const name of names) chat.groups.add(name).known = true;
    for (const { group, text } of topics) Object.assign(chat.conv(`#${group}`, group), { room: true, topic: text });
    chat.groups.keep(({ known, conv }) => known || conv);
    chat.changed('list');
  },
  groups_users(chat, { groups }) {
    for (const { group, members } of groups) chat.members.set(low(group), new Set(members));
    chat.changed('info');
  },
  group_info(chat, event) {
    chat.infos.set(low(event.group), event);
    if (event.room) Object.assign(chat.conv(`#${event.group}`, event.group), { room: true, complete: true, count: event.members, limit: event.limit, topic: event.text });
    chat.changed('info', 'list', 'log');
  },
  joined(chat, { user }) { person(chat, user, { online: true, away: null }); chat.changed('list'); },
  left(chat, { user }) { person(chat, user, { online: false, away: null, seen: new Date().toISOString() }); chat.changed('list'); },
  away(chat, { text }, line) {
    person(chat, chat.me, { online: true, away: text });
    here(chat, text == null ? 'You are back.' : `You are away: ${text}`, line);
  },
  ignored(chat, { user }) { chat.ignored.add(low(user)); chat.note(chat.conv(`@${user}`), `You now ignore ${user}.`); },
  unignored(chat, { user }) { chat.ignored.delete(low(user)); chat.note(chat.conv(`@${user}`), `You no longer ignore ${user}.`); },
  ignores(chat, { names }, line) {
    chat.ignored = new Set(names.map(low));
    if (!line?.quiet) here(chat, names.length ? `You ignore: ${names.join(', ')}` : 'You ignore nobody.', line);
  },
  password_changed(chat) {
    chat.tell('password_changed');
    here(chat, 'Your password was changed.');
  },
  cancelled: (chat) => here(chat, 'Nothing was changed.'),
  bans: (chat, event) => chat.tell('bans', event),
  whois(chat, { name, online, away, last_seen, since, idle }) {
    person(chat, name, { online, away: away ?? null, seen: last_seen, since, idle });
    chat.changed('list');
    chat.changed('info');
  },
  private: (chat, event) => chat.live(event),
  sent: (chat, event) => chat.live(event),
  group: (chat, event) => chat.live(event),
  broadcast: (chat, event) => chat.live(event),
  past: (chat, event, line) => chat.past(event, line),
  missed(chat, { count }) { chat.missed = { left: count }; },
  missed_more() { /* they are in the history, which was asked for */ },
  history: (chat, { of, count }, line) => answer(chat, line, 'history', of, count),
  earlier() { /* how many came says it as well */ },
  found: (chat, { of, count }, line) => answer(chat, line, 'found', of, count),
  cleared(chat, { of }) {
    const all = [...chat.convs.values()].filter((conv) => of === 'all' || low(Chat.of(conv)) === low(of));
    for (const conv of all) {
      for (const { id } of conv.messages) chat.ids.delete(id);
      Object.assign(conv, { messages: [], unread: 0, gap: null, complete: true });
    }
    chat.changed('all');
  },
  deleted(chat, { id }) { change(chat, id, { deleted: true, text: undefined }); },
  received(chat, { id }) { chat.receipt(id, 1); change(chat, id, { received: true }); },
  read(chat, { id }) { chat.receipt(id, 2); change(chat, id, { received: true, read: true }); },
  you_read() {}, receipts() {}, typings() {}, ok() {},
  talking(chat, { to }, line) {
    if (line?.typed !== 'talk') return;
    // On a page, what one talks in is what is open.
    chat.send('/talk', { quiet: true });
    if (to) chat.tell('enter', chat.conv(to[0] === '#' ? to : `@${to}`));
  },
  typing(chat, { from, to }) {
    const conv = chat.conv(to[0] === '#' ? to : `@${from}`);
    conv.typing.set(low(from), { name: from, until: Date.now() + 5000 });
    if (conv !== chat.current) return;
    chat.changed('typing');
    setTimeout(() => chat.changed('typing'), 5100);
  },
  kept: (chat, { user }) => chat.note(chat.conv(`@${user}`), `${user} is not online; it is kept until the next login.`),
  user_away(chat, { user, text }) {
    person(chat, user, { online: true, away: text });
    chat.note(chat.conv(`@${user}`), `${user} is away: ${text}`);
  },
  group_created: (chat, { group }) => enter(chat, group),
  group_joined: (chat, { group }) => enter(chat, group),
  group_left(chat, { group, gone }) {
    leave(chat, group, 'You left the group.');
    if (gone) forget(chat, group);
  },
  room_created: (chat, { group, limit, count, text }) => enter(chat, group, { room: true, limit, count, topic: text }),
  room_joined: (chat, { group, limit, count, text }) => enter(chat, group, { room: true, limit, count, topic: text }),
  room_left: (chat, { group }) => drop(chat, group),
  member_joined: (chat, event) => moved(chat, event, 'joined'),
  member_left: (chat, event) => moved(chat, event, 'left'),
  kicked: (chat, event) => withdrawn(chat, event, `must leave, by ${event.by}${event.text ? `: ${event.text}` : '.'}`),
  banned: (chat, event) => withdrawn(chat, event, `is banned by ${event.by}${ends(event.until, event.text)}`),
  group_dropped(chat, { group, text }) {
    leave(chat, group, `The group was taken away by an operator: ${text}`);
    forget(chat, group);
  },
  invited(chat, { group, by }) {
    chat.groups.add(group).known = true;
    const conv = chat.conv(`#${group}`, group);
    if (conv !== chat.current) conv.unread += 1;
    chat.note(conv, `${by} invites you to this group.`);
  },
  you_invited: (chat, { group, user }) => chat.note(chat.conv(`#${group}`), `You invited ${user}.`),
  role(chat, { group, user, role, by }) {
    chat.note(chat.conv(`#${group}`), `${user} is ${role} now${by ? `, by ${by}` : ''}.`);
    const info = chat.infos.get(low(group));
    if (info) {
      info.owners = ranked(info.owners, user, role === 'owner');
      info.admins = ranked(info.admins, user, role === 'admin');
      if (low(user) === low(chat.me)) info.role = role;
    }
    chat.changed('info', 'log');
    chat.look(group);
  },
  group_changed(chat, event) {
    const { event: tag, at, by, ...settings } = event;
    chat.note(chat.conv(`#${event.group}`), `${by} changed the group${event.text ? `; its topic: ${event.text}` : ''}.`);
    if (chat.infos.has(low(event.group))) Object.assign(chat.infos.get(low(event.group)), settings);
    chat.changed('info', 'log');
    chat.look(event.group);
  },
  announcement(chat, { text }) { everywhere(chat, `Announcement: ${text}`); },
  stopping(chat, { seconds, text }) { everywhere(chat, `The server stops in ${seconds} s${text ? `: ${text}` : ''}`); },
  goes_on: (chat) => everywhere(chat, 'The server goes on; the stop is cancelled.'),
  dismissed: (chat, { text }) => chat.tell('dismissed', text),
  token_made: (chat, event) => chat.tell('token', event),
  tokens: (chat, event) => chat.tell('tokens', event),
  token_revoked() {},
  report: (chat, event) => chat.tell('report', event),
  table: (chat, event) => chat.tell('table', event),
  done: (chat, event) => chat.tell('done', event),
  // Of what was asked for with a tag, the refusal is handled with its line.
  error: (chat, { text }) => shown(chat, text),
  you_muted: (chat, { muted, until, text }) => everywhere(chat, muted ? `An operator has muted you${ends(until, text)}` : `You may speak again${text ? `: ${text}` : '.'}`),
  renamed: (chat, { user, name }) => everywhere(chat, `${user} is called ${name} from now on.`),
  muted: (chat, { group, user, by, until, text }) => chat.note(chat.conv(`#${group}`), `${user} is muted by ${by}${ends(until, text)}`),
  unmuted: (chat, { group, user, by }) => chat.note(chat.conv(`#${group}`), `${user} may talk again, by ${by}.`),
  unbanned: (chat, { group, user, by }) => chat.note(chat.conv(`#${group}`), `${user} may come back, by ${by}.`),
  welcome() {}, closed() {}, login_failed() {}, registration_failed() {}, address_banned() {},
};

// What is answered to a look around, and shown as it is to who typed for it.
const LOOKS = ['whoami', 'users', 'groups', 'groups_users', 'group_info', 'whois', 'receipts', 'typings', 'you_read', 'token_revoked', 'talking'];

// What carries no more than its tag.
const TAGGED = ['event', 'at', 'tag'];

export function handle(chat, event) {
  const line = chat.lines.answered(event);
  if (line && event.event === 'error') return refused(chat, line, event);
  if (line?.done) {
    const { done } = line;
    line.done = null;
    done(event);
  }
  if (line?.conv && !line.message && !line.accepted) {
    line.accepted = true;
    chat.tell('accepted', line);
  }
  const handler = Object.hasOwn(handlers, event.event) ? handlers[event.event] : null;
  if (handler) handler(chat, event, line);
  if (!handler || (line?.typed && LOOKS.includes(event.event))) here(chat, plain(event), line);
}

// A line was refused: whoever sent it is told why.
function refused(chat, line, { code, text }) {
  chat.lines.take(line.tag);
  // It was said to those who are here, and only they have it.
  if (line.message && code === 'not_saved') {
    chat.add({ at: new Date().toISOString(), from: chat.me, text: line.said ?? line.words, ...where(line.conv) }, true);
    chat.tell('accepted', line);
    return chat.note(line.conv, sentence(text));
  }
  if (line.failed) return line.failed(sentence(text), code);
  if (line.quiet) return undefined;
  if (!line.conv) return chat.tell('error', { code, text: sentence(text), line }) || shown(chat, text);
  if (line.typed) chat.note(line.conv, sentence(text));
  return chat.tell('refused', { line, text: sentence(text) });
}

const where = ({ kind, title }) => ({ all: {}, group: { group: title }, user: { to: title } }[kind]);

const sentence = (text) => text.replace(/^Error: /, '');

function shown(chat, text) {
  if (chat.current) chat.note(chat.current, sentence(text));
  else chat.tell('shown', sentence(text));
}

// An answer where it was asked for.
function here(chat, text, line) {
  const conv = line?.conv;
  chat.note(conv && chat.convs.get(conv.key) === conv ? conv : chat.current ?? chat.conv('*'), text);
}

function said(value) {
  if (Array.isArray(value)) return value.map(said).join(', ') || 'none';
  if (value && typeof value === 'object') return Object.values(value).filter((one) => one != null).map(said).join(' ');
  return /^\d{4}-\d\d-\d\dT.*Z$/.test(value) ? when(value) : String(value);
}

function plain(event) {
  const words = Object.entries(event).filter(([name, value]) => value != null && !TAGGED.includes(name));
  return [event.event.replaceAll('_', ' '), ...words.map(([name, value]) => `${name.replaceAll('_', ' ')}: ${said(value)}`)].join('\n');
}

// The beginning of an answer that has messages. Those that somebody typed for, and what was found, are shown by themselves.
function answer(chat, line, what, of, count) {
  if (!line) return;
  const reading = line.history ?? (line.found = { got: [], of, what });
  Object.assign(reading, { left: count, count });
  if (count === 0) chat.done(reading);
}

function person(chat, name, more) {
  Object.assign(chat.people.add(name), { title: name, key: `@${name}` }, more);
}

function join(chat, group, more = {}) {
  chat.groups.add(group).known = true;
  return Object.assign(chat.conv(`#${group}`), { mine: true, title: group }, more.room ? { complete: true } : {}, more);
}

function enter(chat, group, more) {
  const conv = join(chat, group, more);
  chat.note(conv, more?.room ? `You are in the room ${group}; others come in with this code. Nothing that is said here is kept.` : 'You are in this group now.');
  chat.tell('enter', conv);
}

function leave(chat, group, why) {
  const conv = chat.conv(`#${group}`);
  if (conv.room) return drop(chat, group);
  conv.mine = false;
  chat.members.delete(low(group));
  chat.infos.delete(low(group));
  chat.note(conv, why);
  chat.changed('all');
}

const ranked = (names, user, is) => [...names.filter((name) => low(name) !== low(user)), ...(is ? [user] : [])];

// A group is no more; what was said in it can still be read.
function forget(chat, group) {
  const entry = chat.groups.get(group);
  if (entry) entry.known = false;
}

// Of a room nothing stays.
function drop(chat, group) {
  const conv = chat.conv(`#${group}`);
  chat.convs.delete(conv.key);
  chat.groups.keep((entry) => entry.conv !== conv);
  if (chat.current === conv) {
    chat.current = null;
    chat.tell('start');
  }
  chat.changed('all');
}

function moved(chat, { group, user, count, limit }, what) {
  const conv = chat.conv(`#${group}`);
  if (count != null) Object.assign(conv, { count, limit });
  const [members, info] = [chat.members.get(low(group)), chat.infos.get(low(group))];
  if (what === 'joined') members?.add(user);
  else members?.delete(user);
  if (info) info.members += what === 'joined' ? 1 : -1;
  chat.note(conv, `${user} has ${what}${count == null ? '' : ` (${count}/${limit})`}.`);
  chat.look(group);
  chat.changed('info');
  if (count != null) chat.changed('list');
}

function withdrawn(chat, { group, user }, what) {
  if (low(user) === low(chat.me)) return leave(chat, group, `${user} ${what}`);
  chat.members.get(low(group))?.delete(user);
  if (chat.infos.has(low(group))) chat.infos.get(low(group)).members -= 1;
  chat.note(chat.conv(`#${group}`), `${user} ${what}`);
  chat.changed('info');
  chat.look(group);
}

function change(chat, id, more) {
  const message = chat.ids.get(id);
  if (message) Object.assign(message, more);
  chat.changed('log');
}

function everywhere(chat, text) {
  chat.note(chat.current ?? chat.conv('*'), text);
  chat.tell('notice', text);
}
