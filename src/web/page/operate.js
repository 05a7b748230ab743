// The administration page: answers of admin commands as tables and charts, and their actions as buttons that ask for a reason.

import { $, button, el, when } from './dom.js';
import { form, item, menu, show } from './dialogs.js';

const PACE = 5000;
const KEPT = 60;
const LINES = 50;
const TIME = ['time', 'For how long (10m, 2h, 7d; empty: permanent)', { pattern: '\\d+[smhd]' }];
const CHARTS = [['messages_per_s', 'Messages per second'], ['deliveries_per_s', 'Deliveries per second'], ['queued_bytes', 'Queued bytes'], ['sessions', 'Sessions']];

export class Operate {
  constructor(chat) {
    Object.assign(this, { chat, tables: new Map(), past: [], log: [] });
  }

  open(whom) {
    clearInterval(this.timer);
    $('operate').hidden = false;
    this.ask();
    this.timer = setInterval(() => this.ask(), PACE);
    this.draw();
    if (typeof whom === 'string') this.sanction(whom);
  }

  close() {
    clearInterval(this.timer);
    $('operate').hidden = true;
  }

  get shown() { return !$('operate').hidden; }

  ask() {
    if (document.visibilityState !== 'visible') return;
    ['/sessions', '/groups all', '/bans', '/reports'].forEach((line) => this.chat.send(line));
    if (this.chat.role === 'admin') ['/stats', `/log ${LINES}`].forEach((line) => this.chat.send(line));
  }

  do(line) {
    this.chat.send(line.replace(/ +/g, ' ').trim());
    this.ask();
  }

  // Handles an event for operators; returns whether it was an error.
  take(what, event) {
    if (what === 'report') this.say(`Report ${event.number}: ${event.by ?? 'the word filter'} about ${event.about}: ${event.text}`);
    if (!this.shown) {
      if (what === 'table' || what === 'done') this.chat.note(this.chat.current ?? this.chat.conv('*'), plain(event));
      return false;
    }
    if (what === 'table') this.table(event);
    else if (event.code === 'no_log') this.tail([], event.text);
    else if (what === 'done' || what === 'error') this.say(what === 'done' ? plain(event) : event.text);
    this.told();
    return what === 'error';
  }

  say(text) {
    this.log = [`${new Date().toLocaleTimeString()} ${text}`, ...this.log].slice(0, 20);
  }

  table({ of, rows }) {
    if (of === 'log') return this.tail(rows.map(({ text }) => text), '');
    // An unchanged table stays, so that no button moves under the pointer.
    const same = JSON.stringify(this.tables.get(of)) === JSON.stringify(rows);
    this.tables.set(of, rows);
    const drawn = document.getElementById(`of-${of}`);
    if (!same || !drawn) {
      const fresh = section(of, rows, this.acts()[of]);
      if (drawn) drawn.replaceWith(fresh);
      else $('operate').append(fresh);
    }
    const pairs = rows.length && 'name' in rows[0] && 'value' in rows[0] ? Object.fromEntries(rows.map(({ name, value }) => [name, Number(value)])) : null;
    if (pairs) this.past = [...this.past, pairs].slice(-KEPT);
    if (pairs) $('charts')?.replaceChildren(...CHARTS.map(([name, title]) => this.chart(name, title)));
  }

  // The end of the log. Keeps the position of a user who has scrolled up.
  tail(lines, why) {
    const old = $('of-log');
    const box = old?.querySelector('.tail');
    const down = !box || box.scrollHeight - box.scrollTop - box.clientHeight < 40;
    const text = why || lines.join('\n');
    if (box?.textContent === text) return;
    const fresh = el('section', { id: 'of-log' }, el('h3', {}, why ? 'log' : `log (last ${lines.length} lines)`), el('div', { class: 'tail', tabindex: '0', role: 'region', 'aria-label': 'End of the log' }, text));
    const at = box?.scrollTop;
    if (old) old.replaceWith(fresh);
    else $('operate').append(fresh);
    const now = fresh.querySelector('.tail');
    now.scrollTop = down ? now.scrollHeight : at;
  }

  told() {
    const box = $('told');
    if (box) box.textContent = this.log.slice(0, 5).join('\n');
  }

  why(title, line, fields = []) {
    form(title, [...fields, ['why', 'Reason', { maxlength: 200, required: true }]], 'Confirm', (said) => this.do(line(said)));
  }

  // Actions on a user, online or not.
  sanction(user) {
    const acts = [
      ['Disconnect', ({ why }) => `/disconnect ${user} ${why}`],
      ['Mute', ({ time, why }) => `/mute user ${user} ${time} ${why}`, [TIME]],
      ['Unmute', ({ why }) => `/unmute user ${user} ${why}`],
      ['Ban', ({ time, why }) => `/ban user ${user} ${time} ${why}`, [TIME]],
      ['Unban', ({ why }) => `/unban user ${user} ${why}`],
    ];
    show(`About ${user}`, menu(...acts.map(([word, line, fields]) => item(`${word} ${user}…`, () => this.why(`${word} ${user}`, line, fields)))));
  }

  // The buttons of a row, by table.
  acts() {
    return {
      sessions: ({ user, session, from }) => [
        button('End', () => this.why(`End session ${session} of ${user}`, ({ why }) => `/disconnect session:${session} ${why}`)),
        button('Mute', () => this.why(`Mute ${user}`, ({ time: long, why }) => `/mute user ${user} ${long} ${why}`, [TIME])),
        button('Ban', () => this.why(`Ban ${user}`, ({ time: long, why }) => `/ban user ${user} ${long} ${why}`, [TIME])),
        button('Ban address', () => this.why(`Ban ${host(from)}`, ({ time: long, why }) => `/ban addr ${host(from)} ${long} ${why}`, [TIME])),
      ],
      groups: ({ group }) => this.chat.role === 'admin' && button('Delete', () => this.why(`Delete the group ${group}`, ({ why }) => `/drop_group ${group} ${why}`)),
      penalties: (row) => button('Lift', () => this.why(`Lift the ${row.penalty} of ${row.of}`, ({ why }) => `/un${row.penalty} ${kind(row.of)} ${row.of} ${why}`)),
      reports: ({ number }) => button('Close', () => this.why(`Close report ${number}`, ({ why }) => `/reports done ${number} ${why}`)),
    };
  }

  draw() {
    const admin = this.chat.role === 'admin';
    $('operate').replaceChildren(
      el('header', { class: 'bar' }, el('h2', {}, `Administration (${this.chat.role})`), button('✕', () => this.close(), { class: 'icon', 'aria-label': 'Close' })),
      el('div', { class: 'row acts' },
        button('Announce…', () => form('Announce', [['text', 'Text', { required: true }]], 'Announce', ({ text }) => this.do(`/announce ${text}`))),
        admin && button('Rename a user…', () => this.why('Rename a user', ({ user, name, why }) => `/rename ${user} ${name} ${why}`, [['user', 'User', { required: true }], ['name', 'New name', { required: true }]])),
        admin && button('Reload users and word filter…', () => this.why('Reload users and word filter', ({ why }) => `/reload ${why}`)),
        admin && button('Stop the server…', () => this.why('Stop the server', ({ after, why }) => `/shutdown in ${after} ${why}`, [['after', 'In', { required: true, value: '5m', pattern: '\\d+[smhd]' }]]), { class: 'danger' }),
        admin && button('Cancel shutdown…', () => this.why('Cancel the shutdown', ({ why }) => `/shutdown cancel ${why}`))),
      el('p', { class: 'pre', id: 'told', role: 'status' }),
      el('div', { class: 'charts', id: 'charts' }),
    );
    this.told();
  }

  chart(name, title) {
    const values = this.past.map((one) => one[name] ?? 0);
    const most = Math.max(1, ...values);
    const points = values.map((value, n) => `${(n * 100) / (KEPT - 1)},${30 - (value * 28) / most}`).join(' ');
    const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
    svg.setAttribute('viewBox', '0 0 100 32');
    svg.setAttribute('preserveAspectRatio', 'none');
    svg.setAttribute('role', 'img');
    svg.setAttribute('aria-label', `${title}: ${values.at(-1) ?? 0}`);
    const line = document.createElementNS('http://www.w3.org/2000/svg', 'polyline');
    line.setAttribute('points', points);
    svg.append(line);
    return el('figure', {}, svg, el('figcaption', {}, `${title}: ${values.at(-1) ?? 0}`));
  }
}

const host = (from) => from.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
const kind = (whom) => (/\//.test(whom) ? 'net' : /[:]|^\d+(\.\d+){3}$/.test(whom) ? 'addr' : 'user');

function plain({ event, at, rows, of, ...fields }) {
  if (rows) return [of, ...rows.map((row) => Object.values(row).map(shown).join('  '))].join('\n');
  return Object.entries(fields).map(([name, value]) => `${name}: ${shown(value)}`).join(', ');
}

const shown = (value) => (typeof value === 'string' && /^\d{4}-\d\d-\d\dT.*Z$/.test(value) ? when(value) : value ?? '–');

function section(of, rows, acts) {
  const columns = rows.length ? Object.keys(rows[0]) : [];
  return el('section', { id: `of-${of}` }, el('h3', {}, `${of} (${rows.length})`), rows.length ? el('div', { class: 'wide' }, el('table', {},
    el('thead', {}, el('tr', {}, columns.map((name) => el('th', { scope: 'col' }, name.replaceAll('_', ' '))), acts ? el('th', { scope: 'col' }, 'actions') : null)),
    el('tbody', {}, rows.map((row) => el('tr', {}, columns.map((name) => el('td', {}, String(shown(row[name])))), acts ? el('td', {}, acts(row)) : null))))) : el('p', {}, 'None.'));
}
