// Brute-force protection: after `failureFactor` wrong guesses an account waits.

export class Guesses {
  constructor() {
    this.counts = new Map();
  }

  wrong(realm, user) {
    const entry = this.counts.get(user.id) ?? { count: 0, until: 0 };
    entry.count += 1;
    if (realm.bruteForceProtected && entry.count >= realm.failureFactor) {
      const wait = realm.permanentLockout ? Infinity : Math.min(realm.waitIncrementSeconds, realm.maxFailureWaitSeconds) * 1000;
      entry.until = Date.now() + wait;
    }
    this.counts.set(user.id, entry);
  }

  right(user) {
    this.counts.delete(user.id);
  }

  locked(realm, user) {
    return Boolean(realm.bruteForceProtected) && (this.counts.get(user.id)?.until ?? 0) > Date.now();
  }
}
