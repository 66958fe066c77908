import type { NotificationTest } from '../../api/notifications';

/** The result of a test message in words. */
export function testOutcome({ delivered, detail }: NotificationTest) {
  return {
    isSuccess: delivered,
    title: delivered ? 'The server accepted the test message' : 'The test message was not delivered',
    detail,
  };
}

export const TESTING = {
  pending: 'Sending a test message.',
  failed: 'No test message was sent',
};
