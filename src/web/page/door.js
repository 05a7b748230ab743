// The login page: signing in, registering, guests, as far as the server is open to them, and errors.

import { $, ends, memory, tab } from './dom.js';
import { isName } from './chat.js';

const WAYS = ['in', 'new', 'guest'];

const FAILED = {
  wrong_name_or_password: 'Wrong name or password.',
  already_logged_in: 'This user is already signed in elsewhere.',
  too_many_sessions: 'This user has too many sessions.',
  too_many_attempts: 'Too many wrong passwords from your address; try again in a minute.',
  too_many_guests: 'There are too many guests; try again later.',
  too_many_connections: 'Too many sign-ins from your address; try again.',
  unavailable: 'Signing in is not possible now; try again.',
  closed: 'Registration is closed; ask the operator for an account.',
  usage: 'This name cannot be used.',
  no_invitation: 'An invitation is required.',
  bad_invitation: 'The invitation is unknown, used or expired.',
  bad_name: 'A name may contain only letters, digits, _ . and -, must start with a letter or digit, and has at most 32.',
  name_taken: 'This name is taken.',
  passwords_differ: 'The passwords do not match.',
  bad_password: 'This password cannot be used.',
  too_many_registrations: 'Too many registrations from your address; try again in ten minutes.',
};

const CLOSED = {
  quit: '', kicked: 'You were disconnected by an operator.', banned: 'You are banned from this server.',
  replaced: 'You signed in elsewhere; this session has ended.', token_revoked: 'The token of this session was revoked.',
  account_deleted: 'Your account was deleted.', slow_reader: 'The connection was too slow.',
};

export class Door {
  // `enter(lines, again, stay)` logs in with these lines, and comes back with the others; `stay` is the name of a user who
  // wants to stay signed in. `limit(bytes)` is told how long a line may be.
  constructor(enter, limit) {
    Object.assign(this, { enter, limit, way: 'in', open: { registration: 'closed', guests: false } });
    for (const way of WAYS) $(`tab-${way}`).addEventListener('click', () => { this.say(''); this.choose(way); });
    $('login').addEventListener('submit', (event) => this.submit(event));
    this.say(tab.get('note') ?? '', true);
    this.ask();
  }

  // Asks the server what is open to people who have no account; before it is known, nothing is.
  async ask() {
    try {
      const [open] = await (await fetch('/api/server')).json();
      this.open = open;
      this.limit(open.line_limit);
    } catch { /* then one can only sign in */ }
    $('tab-new').hidden = this.open.registration === 'closed';
    $('tab-guest').hidden = !this.open.guests;
    $('tabs').hidden = $('tab-new').hidden && $('tab-guest').hidden;
    this.choose(this.way);
  }

  choose(way) {
    this.way = $(`tab-${way}`).hidden ? 'in' : way;
    const [registers, guest, invited] = [this.way === 'new', this.way === 'guest', this.open.registration === 'invite'];
    for (const one of WAYS) $(`tab-${one}`).setAttribute('aria-selected', String(one === this.way));
    $('f-name').hidden = $('f-secret').hidden = guest;
    $('name').required = $('secret').required = !guest;
    $('f-again').hidden = !registers;
    $('f-invite').hidden = !registers || !invited;
    $('again').required = registers;
    $('invite').required = registers && invited;
    $('f-stay').hidden = guest;
    $('secret').autocomplete = registers ? 'new-password' : 'current-password';
    $('enter').textContent = { in: 'Sign in', new: 'Register', guest: 'Continue as a guest' }[this.way];
  }

  submit(event) {
    event.preventDefault();
    const [name, secret, again, invite] = [$('name').value.trim(), $('secret').value, $('again').value, $('invite').value.trim()];
    const { way } = this;
    const stay = $('stay').checked && way !== 'guest' && !secret.startsWith('parlor_') ? name : null;
    // Nothing is cut off or left out: what is no name is no name.
    if (way === 'new' && !isName(name)) return this.say(FAILED.bad_name);
    if (way === 'new' && secret !== again) return this.say(FAILED.passwords_differ);
    if (way === 'new' && /\s/.test(invite)) return this.say(FAILED.bad_invitation);
    this.say('One moment…');
    this.trying = way;
    const lines = { in: [name, secret], new: [`/register ${name} ${$('f-invite').hidden ? '' : invite}`.trim(), secret, secret], guest: ['guest', ''] }[way];
    return this.enter(lines, way === 'guest' ? lines : [name, secret], stay);
  }

  entered() {
    this.trying = this.probing = null;
    this.say('');
    $('secret').value = $('again').value = '';
  }

  // Says something under the form. What says why one is out is kept over a reload.
  say(text, kept = false) {
    $('door-note').textContent = text;
    tab.set('note', kept && text ? text : null);
  }

  // Signs in once more, to learn what the server has to say about it.
  probe(lines) {
    this.probing = $('door-note').textContent;
    this.enter(lines, lines, null);
  }

  // Shows why the session ended.
  note(word, { closed, refused, dismissed }) {
    const { trying, probing } = this;
    this.trying = this.probing = null;
    this.ask();
    $('again').value = '';
    if (word === 'refused') {
      const { event, code, until, text } = refused;
      const banned = event === 'address_banned' || code === 'banned';
      if (code === 'wrong_name_or_password') memory.set('stay', null);
      if (banned) this.say(`${event === 'address_banned' ? 'Your address is' : 'You are'} banned from this server${ends(until, text)}`, true);
      else this.say(FAILED[code] ?? `That failed: ${code}.`);
    } else if (closed) {
      let note = CLOSED[closed.reason] ?? `The session has ended: ${closed.reason.replaceAll('_', ' ')}.`;
      if (closed.name) {
        note = `You are called ${closed.name} from now on; sign in with that name.`;
        $('name').value = closed.name;
        memory.set('stay', null);
      }
      this.say(`${note}${note && dismissed ? ` ${dismissed}` : ''}`, true);
    } else if (probing) {
      this.say(probing, true);
    } else if (trying === 'new') {
      // It may have been made before the connection was lost.
      this.choose('in');
      this.say('The server cannot be reached. If the account was made, sign in with it.');
      return;
    } else {
      this.say('The server cannot be reached.');
    }
    $('secret').value = '';
  }
}
