import { QUEUE_RECEIVES_MAX, QUEUE_RETENTION_SECONDS, QUEUE_VISIBILITY_SECONDS } from './limits.ts';

/** A queue that says what it is for, and where messages go that nobody can take; without that it is such a place itself. */
export function queue(purpose: string, deadLetters?: string): object {
  return {
    Type: 'AWS::SQS::Queue',
    Properties: {
      MessageRetentionPeriod: QUEUE_RETENTION_SECONDS,
      SqsManagedSseEnabled: true,
      Tags: [{ Key: 'purpose', Value: purpose }],
      ...(deadLetters === undefined
        ? {}
        : {
            VisibilityTimeout: QUEUE_VISIBILITY_SECONDS,
            RedrivePolicy: {
              deadLetterTargetArn: { 'Fn::GetAtt': [deadLetters, 'Arn'] },
              maxReceiveCount: QUEUE_RECEIVES_MAX,
            },
          }),
    },
  };
}
