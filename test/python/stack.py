"""A deployment by CloudFormation, from what is packaged: `stack.py deploy|outcome|remove`, told by JSON on standard input.

Serverless's own deploy wants outputs of the stack that moto does not have; the steps are the same: the stack with the
bucket for the code, the code, the whole stack.
"""

import json
import sys
from pathlib import Path

import boto3

given = json.load(sys.stdin)


def client(service):
    return boto3.client(
        service,
        endpoint_url=given["endpoint"],
        region_name="eu-west-1",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )


def resources():
    pages = client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=given["stack"])
    return [summary for page in pages for summary in page["StackResourceSummaries"]]


def as_moto_takes(template):
    """moto fills in no name of an Fn::Sub that begins with a digit, has no ARN for a function's version, …"""
    versions = {
        name: resource["Properties"]["FunctionName"]["Ref"]
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::Lambda::Version"
    }
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::StepFunctions::StateMachine":
            text, values = resource["Properties"]["DefinitionString"]["Fn::Sub"]
            for name, value in values.items():
                function = versions.get(value["Ref"], value["Ref"])
                text = text.replace("${" + name + "}", "${" + function + ".Arn}")
            definition = json.loads(text)
            for state in definition["States"].values():
                if state["Type"] == "Map":
                    # Its grammar wants a fraction, and it looks for the writer's parameters in the results.
                    state["ToleratedFailurePercentage"] = float(state["ToleratedFailurePercentage"])
                    del state["ResultWriter"]
                if state["Type"] == "Wait":
                    # Its clock is the real one.
                    del state["SecondsPath"]
                    state["Seconds"] = 0
            resource["Properties"]["DefinitionString"] = {"Fn::Sub": json.dumps(definition)}
    # Exports that an update adds are none that can be taken away again.
    for output in template["Outputs"].values():
        output.pop("Export", None)
    return template


def deploy():
    folder = Path(given["folder"])
    cloudformation = client("cloudformation")
    create = json.loads((folder / "cloudformation-template-create-stack.json").read_text())
    update = as_moto_takes(json.loads((folder / "cloudformation-template-update-stack.json").read_text()))
    options = {"StackName": given["stack"], "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"]}
    cloudformation.create_stack(TemplateBody=json.dumps(as_moto_takes(create)), **options)
    bucket = next(found["PhysicalResourceId"] for found in resources() if found["ResourceType"] == "AWS::S3::Bucket")
    for resource in update["Resources"].values():
        if resource["Type"] == "AWS::Lambda::Function":
            key = resource["Properties"]["Code"]["S3Key"]
            # A stand-in: the functions run outside moto, from their own archives.
            client("s3").put_object(Bucket=bucket, Key=key, Body=given["archive"].encode())
    # Larger than a call takes; CloudFormation reads it from the bucket, as it does for serverless.
    client("s3").put_object(Bucket=bucket, Key="template.json", Body=json.dumps(update).encode())
    url = f"https://s3.amazonaws.com/{bucket}/template.json"
    cloudformation.update_stack(TemplateURL=url, **options)
    return {found["LogicalResourceId"]: found.get("PhysicalResourceId") for found in resources()}


def outcome():
    stepfunctions = client("stepfunctions")
    found = stepfunctions.describe_execution(executionArn=given["execution"])
    if found["status"] in ("RUNNING", "SUCCEEDED"):
        return {"status": found["status"]}
    events = stepfunctions.get_execution_history(executionArn=given["execution"])["events"]
    faults = [value for event in events for key, value in event.items() if key.endswith("EventDetails") and "error" in value]
    states = [event["stateEnteredEventDetails"] for event in events if "stateEnteredEventDetails" in event]
    return {"status": found["status"], "faults": faults, "last": states[-2:]}


def remove():
    s3 = client("s3")
    for found in resources():
        if found["ResourceType"] != "AWS::S3::Bucket":
            continue
        bucket = found["PhysicalResourceId"]
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            for version in page.get("Versions", []) + page.get("DeleteMarkers", []):
                s3.delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
    client("cloudformation").delete_stack(StackName=given["stack"])
    return client("lambda").list_functions()["Functions"]


print(json.dumps({"deploy": deploy, "outcome": outcome, "remove": remove}[sys.argv[1]]()))
