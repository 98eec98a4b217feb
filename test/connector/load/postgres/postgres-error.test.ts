import pg from 'pg';
import { expect, test } from 'vitest';
import { postgresError, queryError } from '../../../../connector/load/postgres/postgres-error.js';
import { DataError } from '../../../../schemas/errors.js';

function refused(code: string, message = 'refused'): pg.DatabaseError {
  const error = new pg.DatabaseError(message, message.length, 'error');
  error.code = code;
  error.detail = 'Key (customer_name)=(Contoso) exists';
  error.where = 'COPY staged, line 1: "Contoso"';
  return error;
}

test.each([
  ['08006', 'transient'],
  ['40001', 'transient'],
  ['40P01', 'transient'],
  ['53100', 'config'],
  ['53300', 'transient'],
  ['55P03', 'transient'],
  ['57014', 'transient'],
  ['57P01', 'transient'],
  ['57P03', 'transient'],
  ['25006', 'config'],
  ['28P01', 'config'],
  ['3D000', 'config'],
  ['42501', 'config'],
  ['42P01', 'config'],
  ['22003', 'system'],
  ['23505', 'system'],
  ['XX000', 'system'],
])('SQLSTATE %s is %s', (code, kind) => {
  expect(postgresError(refused(code), 'here')).toMatchObject({ kind, facts: { sqlstate: code } });
});

test.each([
  [Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:5432'), { code: 'ECONNREFUSED' }), 'transient'],
  [new Error('Connection terminated unexpectedly'), 'transient'],
  [new Error('Client has encountered a connection error and is not queryable'), 'transient'],
  [new Error('timeout exceeded when trying to connect'), 'transient'],
  [Object.assign(new Error('getaddrinfo ENOTFOUND db'), { code: 'ENOTFOUND' }), 'config'],
  [Object.assign(new Error('self-signed certificate'), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' }), 'config'],
  [new Error('The server does not support SSL connections'), 'config'],
  [new Error('SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a string'), 'config'],
  [new TypeError('x is not a function'), 'system'],
])('%s is %s', (error, kind) => {
  expect(postgresError(error, 'here')).toMatchObject({ kind });
});

test('a name with several addresses shows what each of them said', () => {
  const each = ['::1', '127.0.0.1'].map((host) => new Error(`connect ECONNREFUSED ${host}:5432`));
  const error = Object.assign(new AggregateError(each), { code: 'ECONNREFUSED' });
  expect(postgresError(error, 'here').message).toMatch(/::1:5432; .*127\.0\.0\.1:5432/);
});

test('no value of a record is repeated: neither detail, nor context, nor what is quoted', () => {
  const error = postgresError(refused('22P02', 'invalid input syntax for type numeric: "Contoso"'), 'here');
  expect(JSON.stringify({ ...error, message: error.message, cause: error.cause })).not.toContain('Contoso');
  expect(error.message).toBe('here: invalid input syntax for type numeric: "…" (SQLSTATE 22P02)');
});

test("our own errors stay as they are, and a query's mistakes are its author's", () => {
  const own = new DataError({ message: 'm', hint: 'h' });
  expect(postgresError(own, 'here')).toBe(own);
  expect(queryError(refused('22012', 'division by zero'), 'here')).toMatchObject({ kind: 'config' });
  expect(queryError(refused('57P01'), 'here')).toMatchObject({ kind: 'transient' });
});
