// Notifications: a webhook whose secret is shown once, its test, and refusals at the fields.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, signIn, test } from './harness.ts';

let receiver: Server;
let received: string[];
let status: number;

test.beforeEach(async () => {
  received = [];
  status = 204;
  receiver = createServer((request, response) => {
    received.push(`${request.method} ${request.url}`);
    request.resume();
    response.writeHead(status).end();
  });
  await new Promise<void>((listening) => receiver.listen(0, '127.0.0.1', listening));
});
test.afterEach(() => {
  receiver.close();
});

const address = () => `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`;

test('a webhook is tested, created with a secret that is shown once, and deleted', async ({
  page,
  ownSchool,
}) => {
  const school = await ownSchool({ scale: 0, flags: ['--allow-local-targets'] });
  await signIn(page, school, '#/notifications');
  await page.getByRole('button', { name: 'Create a notification…' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Name', { exact: true }).fill('Chat');
  await dialog.getByLabel('Webhook').check();
  await dialog.getByLabel('Address').fill(address());
  await dialog.getByRole('button', { name: 'Send a test' }).click();
  await expect(dialog.getByText('The server accepted the test message')).toBeVisible();
  expect(received).toEqual(['POST /hook']);
  await dialog.getByRole('button', { name: 'Create', exact: true }).click();
  const secret = dialog.getByLabel('Signing secret');
  await expect(secret).toHaveValue(/^whsec_/);
  await expect(secret).toBeFocused();
  await dialog.getByRole('button', { name: 'I have stored it' }).click();
  await expect(dialog).toBeHidden();

  const row = page.getByRole('listitem').filter({ hasText: 'Chat' });
  const choose = async (action: string) => {
    await page.getByRole('button', { name: 'Actions for Chat' }).click();
    await page.getByRole('menuitem', { name: action, exact: true }).click();
  };
  status = 410;
  await choose('Send a test message');
  await expect(row.getByText('The test message was not delivered')).toBeVisible();
  await choose('Edit…');
  await expect(dialog.getByLabel('New signing secret')).toHaveValue('');
  await dialog.getByLabel('A backup was created').check();
  await dialog.getByRole('button', { name: 'Save' }).click();
  await expect(row).toContainText('All events');
  await choose('Disable');
  await expect(row.getByText('Disabled', { exact: true })).toBeVisible();
  await choose('Delete…');
  await dialog.getByRole('button', { name: 'Delete' }).click();
  await expect(row).toHaveCount(0);
});

test('a mail without a mail server, and a local address, are refused at their fields', async ({
  page,
  school,
}) => {
  await signIn(page, school, '#/notifications');
  await page.getByRole('button', { name: 'Create a notification…' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('button', { name: 'Create', exact: true }).click();
  await expect(dialog.getByText('Enter a name.')).toBeVisible();
  await expect(dialog.getByText('Enter a mail address.')).toBeVisible();
  await expect(dialog.getByLabel('Name', { exact: true })).toBeFocused();
  await dialog.getByLabel('Name', { exact: true }).fill('Office');
  await dialog.getByLabel('Mail addresses').fill('head@school.example');
  await dialog.getByRole('button', { name: 'Create', exact: true }).click();
  await expect(dialog.getByText(/^The kind can’t be email|^The kind can't be email/)).toBeVisible();
  await dialog.getByLabel('Ping', { exact: true }).check();
  await dialog.getByLabel('Address').fill(address());
  await dialog.getByRole('button', { name: 'Create', exact: true }).click();
  await expect(dialog.getByText(/^The address can.t be used/)).toBeVisible();
  expect(received).toEqual([]);
});
