#!/usr/bin/env bash
# Loads a small file through a deployed stage and fails unless the execution succeeds with its rows: infra/smoke.sh STAGE.
# Wants the aws command with credentials that may use the landing bucket and start executions.
set -euo pipefail

stage=${1:?usage: infra/smoke.sh STAGE}
stack="sluice-$stage"
output() {
  aws cloudformation describe-stacks --stack-name "$stack" --output text \
    --query "Stacks[0].Outputs[?OutputKey=='$1'].OutputValue"
}

landing=$(output LandingBucket)
machine=$(aws stepfunctions list-state-machines --output text \
  --query "stateMachines[?name=='$stack-load'].stateMachineArn")
key="smoke/$(date -u +%Y%m%dT%H%M%SZ).csv"
printf 'id,word\n1,one\n2,two\n3,three\n' | aws s3 cp - "s3://$landing/$key" --only-show-errors

# A definition of its own, so that no data set of the stage is touched.
definition='{"name":"smoke","source":{"prefix":"smoke/"},"start":{"events":false},"target":{"database":"sluice_smoke","table":"smoke","mode":"overwrite","graceMinutes":0}}'
input=$(printf '{"dataset":%s,"objects":[{"bucket":"%s","key":"%s"}],"force":true}' "$definition" "$landing" "$key")
execution=$(aws stepfunctions start-execution --state-machine-arn "$machine" --input "$input" --output text --query executionArn)

for _ in $(seq 60); do
  status=$(aws stepfunctions describe-execution --execution-arn "$execution" --output text --query status)
  [ "$status" = RUNNING ] || break
  sleep 5
done
echo "$execution: $status"
[ "$status" = SUCCEEDED ] || {
  aws stepfunctions describe-execution --execution-arn "$execution" --output text --query '[error,cause]'
  exit 1
}
rows=$(aws glue get-table --database-name sluice_smoke --name smoke --output text --query 'Table.Parameters.numRows')
echo "Rows in sluice_smoke.smoke: ${rows:-unknown}"
