// State in PostgreSQL: one row per entity, its body as JSON.
import pg from "pg";

const SCHEMA = `
create table if not exists entity (
  kind text not null, realm text not null, id text not null, name text not null, body jsonb not null,
  primary key (kind, id), unique (kind, realm, name)
)`;

export class Conflict extends Error {}

export class Store {
  constructor(database) {
    this.pool = new pg.Pool({ ...database, max: 10 });
    this.pool.on("error", (error) => console.error(`database: ${error.message}`));
  }

  // The database may come up after us; real Keycloak gives up, and its container is started again. So do we.
  async open() {
    await this.pool.query(SCHEMA);
  }

  async healthy() {
    try {
      await this.pool.query("select 1");
      return true;
    } catch {
      return false;
    }
  }

  async transaction(work) {
    const client = await this.pool.connect();
    try {
      await client.query("begin");
      const result = await work(new View(client));
      await client.query("commit");
      return result;
    } catch (error) {
      await client.query("rollback").catch(() => {});
      throw error;
    } finally {
      client.release();
    }
  }
}

// What one request sees and changes: all of it or nothing.
export class View {
  constructor(client) {
    this.client = client;
  }

  async get(kind, id) {
    const { rows } = await this.client.query("select body from entity where kind = $1 and id = $2", [kind, id]);
    return rows[0]?.body ?? null;
  }

  // The same, where it belongs to the realm.
  async within(kind, realm, id) {
    const { rows } = await this.client.query(
      "select body from entity where kind = $1 and realm = $2 and id = $3", [kind, realm, id]);
    return rows[0]?.body ?? null;
  }

  async named(kind, realm, name) {
    const { rows } = await this.client.query(
      "select body from entity where kind = $1 and realm = $2 and name = $3", [kind, realm, name]);
    return rows[0]?.body ?? null;
  }

  async all(kind, realm) {
    const { rows } = await this.client.query(
      "select body from entity where kind = $1 and realm = $2 order by name", [kind, realm]);
    return rows.map((row) => row.body);
  }

  async having(kind, realm, field, value) {
    const { rows } = await this.client.query(
      "select body from entity where kind = $1 and realm = $2 and body->>$3 = $4 order by name", [kind, realm, field, value]);
    return rows.map((row) => row.body);
  }

  async add(kind, realm, id, name, body) {
    const { rowCount } = await this.client.query(
      "insert into entity (kind, realm, id, name, body) values ($1, $2, $3, $4, $5) on conflict do nothing",
      [kind, realm, id, name, body]);
    if (rowCount === 0) throw new Conflict(`${kind} ${name}`);
    return body;
  }

  async save(kind, id, name, body) {
    await this.client.query("update entity set name = $3, body = $4 where kind = $1 and id = $2", [kind, id, name, body]);
    return body;
  }

  async remove(kind, id) {
    await this.client.query("delete from entity where kind = $1 and id = $2", [kind, id]);
  }

  async removeRealm(realm) {
    await this.client.query("delete from entity where realm = $1", [realm]);
    await this.client.query("delete from entity where kind = 'realm' and id = $1", [realm]);
  }
}
