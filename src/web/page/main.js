// Connects the parts: the login page, the connection, the chat and the view.

import { $, el, memory } from './dom.js';
import { Net } from './net.js';
import { Chat } from './chat.js';
import { handle } from './events.js';
import { View } from './view.js';
import { Dialogs, form, remembered, show } from './dialogs.js';
import { Operate } from './operate.js';
import { Door } from './door.js';

const QUIET = ['you_read', 'receipts', 'typings'];
let stay = null;

const net = new Net({
  event(event) {
    door.last = event;
    if (event.event === 'welcome') return welcome();
    handle(chat, event);
    if (!QUIET.includes(event.event)) view.typing();
  },
  state(word) {
    chat.online = word === 'open';
    $('offline').hidden = word !== 'offline';
    $('send').disabled = word !== 'open';
    if (word === 'refused' || word === 'closed') back(word);
  },
});
const chat = new Chat((line) => net.send(line), changed, heard, tell);
const act = { open, join, message: (...all) => dialogs.message(...all), command, operate: (whom) => operate.open(whom), leave, theme };
const view = new View(chat, act);
const dialogs = new Dialogs(chat, act);
const operate = new Operate(chat);
const door = new Door((lines, wish) => {
  stay = wish;
  net.start(lines);
});

function welcome() {
  const again = Boolean(chat.me);
  $('door').hidden = true;
  $('app').hidden = false;
  chat.begin(again);
  if (stay) {
    const name = `web-${Array.from(crypto.getRandomValues(new Uint8Array(4)), (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
    chat.stay = { name, user: stay };
    chat.send(`/token new ${name} 30`);
    stay = null;
  }
}

// The session has ended for good: back to the login page.
function back(word) {
  operate.close();
  $('dialog').close();
  chat.reset();
  view.entries.clear();
  $('app').hidden = true;
  $('door').hidden = false;
  document.title = 'Parlor';
  door.note(word, net.reason);
  net.reason = undefined;
}

function changed(what) {
  if (what === 'typing') return view.typing();
  if (what === 'list') return view.list();
  if (what === 'info') return view.info();
  if (what === 'log') return view.log();
  if (what === 'ready') document.body.dataset.ready = String(Number(document.body.dataset.ready ?? 0) + 1);
  view.all();
}

function heard(conv, message) {
  const looked = conv === chat.current && document.visibilityState === 'visible' && document.hasFocus();
  if (looked) return chat.seen(conv);
  conv.unread += 1;
  if (globalThis.Notification?.permission === 'granted') {
    const note = new Notification(conv.kind === 'user' ? message.from : `${message.from} · ${Chat.called(conv)}`, { body: message.text, tag: conv.key, silent: true });
    note.onclick = () => { window.focus(); open(conv.key); note.close(); };
  }
}

// Events outside the conversations. Returns whether an error was handled.
function tell(what, value) {
  switch (what) {
    case 'ask': return dialogs.secret(value);
    case 'found': return dialogs.found(value);
    case 'enter': return open(value.key);
    case 'start': return view.all();
    case 'bans': return dialogs.bans(value);
    case 'tokens': return dialogs.tokens(value);
    case 'room_lost': return dialogs.roomLost(value);
    case 'refused': return show('That failed', el('p', {}, value));
    case 'token': return token(value);
    case 'ended': return show('Your session is ending', el('p', {}, value));
    case 'table': case 'done': case 'report': case 'notice': return operate.take(what, value);
    case 'error': return operate.take(what, value) || needsPassword(value);
    default: return false;
  }
}

function token(value) {
  if (value.name !== chat.stay?.name) return dialogs.token(value);
  memory.set('stay', JSON.stringify({ user: chat.stay.user, name: value.name, token: value.text }));
  net.remember([chat.stay.user, value.text]);
}

function needsPassword({ code }) {
  if (code !== 'needs_password' || !chat.joining) return false;
  const group = chat.joining;
  form(`Password of ${group}`, [['password', 'Password', { type: 'password', required: true }]], 'Join', ({ password }) => chat.send(`/join_group ${group} ${password}`));
  return true;
}

function open(key) {
  const conv = chat.conv(key);
  const draft = $('text');
  if (chat.current) chat.current.draft = draft.value;
  draft.value = conv.draft ?? '';
  $('filter').value = '';
  view.bottom = true;
  chat.open(conv);
  if (matchMedia('(min-width: 720px)').matches) draft.focus();
}

function join(conv) {
  chat.joining = conv.title;
  chat.send(`/join_group ${conv.title}`);
}

function command(line) {
  if (!chat.current) open('*');
  chat.send(line);
}

function leave() {
  const kept = remembered();
  if (kept) chat.send(`/token revoke ${kept.name}`);
  memory.set('stay', null);
  chat.send('/quit');
}

function theme(name) {
  document.documentElement.dataset.theme = name;
  document.querySelector('meta[name=theme-color]').content = name === 'midnight' ? '#0b0f17' : '#081E3F';
  memory.set('theme', name);
}

function submit(event) {
  event?.preventDefault();
  const text = $('text');
  if (!chat.current || !chat.online || !chat.say(chat.current, text.value)) return;
  text.value = '';
  grow();
  view.down();
}

function grow() {
  const text = $('text');
  text.rows = Math.min(6, text.value.split('\n').length);
}

let typed = 0;
function typing() {
  const { current } = chat;
  const text = $('text').value;
  if (!text || text.startsWith('/') || !current || current.kind === 'all' || Date.now() - typed < 3000) return;
  if (current.kind === 'group' ? current.mine : chat.people.get(current.title.toLowerCase())?.online) {
    typed = Date.now();
    chat.send(`/typing ${Chat.of(current)}`);
  }
}

// The previous or next conversation in the list.
function move(step) {
  const entries = [...$('list').querySelectorAll('.entry')];
  const at = entries.findIndex((entry) => entry.getAttribute('aria-current'));
  entries[(at + step + entries.length) % entries.length]?.click();
}

$('composer').addEventListener('submit', submit);
$('text').addEventListener('input', () => { grow(); typing(); });
$('text').addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) submit(event);
});
$('filter').addEventListener('input', () => view.list());
$('filter').addEventListener('focus', () => chat.refresh());
$('b-menu').addEventListener('click', () => dialogs.main());
$('b-group').addEventListener('click', () => dialogs.newGroup());
$('b-room').addEventListener('click', () => dialogs.room());
$('b-search').addEventListener('click', () => dialogs.search(chat.current));
$('b-conv').addEventListener('click', () => dialogs.conversation(chat.current));
$('b-back').addEventListener('click', () => { chat.current = null; view.all(); });
document.addEventListener('keydown', (event) => {
  if (event.altKey && event.key === 'ArrowDown') move(1);
  else if (event.altKey && event.key === 'ArrowUp') move(-1);
  else if (event.ctrlKey && event.key === 'k') $('filter').focus();
  else return;
  event.preventDefault();
});
window.addEventListener('focus', () => {
  chat.refresh();
  if (!chat.current) return;
  chat.current.unread = 0;
  chat.seen(chat.current);
  view.list();
});
window.addEventListener('online', () => net.hurry());
document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && net.hurry());

theme(memory.get('theme') ?? (matchMedia('(prefers-color-scheme: dark)').matches ? 'midnight' : 'panther'));
const kept = remembered();
if (kept) net.start([kept.user, kept.token]);
