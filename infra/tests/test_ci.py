"""Tests of the example of a deployment from a hosted CI: who gets its roles, and what they may do."""

import unittest

import yaml
from cloudformation import ACCOUNT, ROLES_OF_CI_FILE, ROOT, Stack, allowed

WORKFLOW = yaml.safe_load((ROOT / "infra/ci/deploy.yml").read_text())
STACK = Stack(file=ROLES_OF_CI_FILE, Repository="city/mds-etl", UploadBucket="uploads")
START = f"arn:aws:cloudformation:us-east-1:{ACCOUNT}:stack"


class Workflow(unittest.TestCase):
    def test_it_has_no_stored_key_and_is_bound_to_an_environment(self):
        self.assertNotIn("secrets.", (ROOT / "infra/ci/deploy.yml").read_text())
        self.assertEqual(WORKFLOW["permissions"], {"contents": "read", "id-token": "write"})
        self.assertEqual(WORKFLOW["jobs"]["deploy"]["environment"], "${{ inputs.stage }}")

    def test_it_builds_before_it_has_credentials(self):
        steps = [step.get("uses", step.get("run", "")) for step in WORKFLOW["jobs"]["deploy"]["steps"]]
        built = next(n for n, step in enumerate(steps) if step.startswith("make deployable"))
        logged_in = next(n for n, step in enumerate(steps) if "configure-aws-credentials" in step)
        self.assertLess(built, logged_in)


class Roles(unittest.TestCase):
    def test_only_the_environment_of_the_repository_gets_the_role(self):
        trust = STACK.properties("DeployRole")["AssumeRolePolicyDocument"]["Statement"]
        self.assertEqual(len(trust), 1)
        self.assertEqual(
            trust[0]["Condition"]["StringEquals"],
            {
                "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
                "token.actions.githubusercontent.com:sub": "repo:city/mds-etl:environment:staging",
            },
        )

    def test_it_deploys_its_own_stack_only_and_by_the_other_role_only(self):
        statements = STACK.statements("DeployRole")
        for action in ("CreateChangeSet", "ExecuteChangeSet", "DescribeStacks"):
            self.assertTrue(allowed(statements, f"cloudformation:{action}", f"{START}/mds-etl-staging/1"))
            self.assertFalse(allowed(statements, f"cloudformation:{action}", f"{START}/mds-etl-production/1"))
        passed = {"iam__PassedToService": "cloudformation.amazonaws.com"}
        self.assertTrue(allowed(statements, "iam:PassRole", STACK.arn("CloudFormationRole"), **passed))
        self.assertFalse(allowed(statements, "iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/admin", **passed))
        self.assertFalse(allowed(statements, "iam:CreateRole", f"arn:aws:iam::{ACCOUNT}:role/mds-etl-staging-x"))
        function = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:mds-etl-staging"
        self.assertTrue(allowed(statements, "lambda:InvokeFunction", f"{function}-PlanBlocksFunction-A1:live"))
        self.assertFalse(allowed(statements, "lambda:InvokeFunction", f"{function}-ExtractFunction-A1:live"))

    def test_cloudformation_makes_roles_and_policies_of_the_stack_only(self):
        statements = STACK.statements("CloudFormationRole")
        ours, theirs = (f"arn:aws:iam::{ACCOUNT}:role/{name}" for name in ("mds-etl-staging-x", "admin"))
        for action in ("iam:CreateRole", "iam:PutRolePolicy", "iam:DeleteRole"):
            self.assertTrue(allowed(statements, action, ours))
            self.assertFalse(allowed(statements, action, theirs))
        own = f"arn:aws:iam::{ACCOUNT}:policy/mds-etl-staging-x"
        self.assertTrue(allowed(statements, "iam:AttachRolePolicy", ours, iam__PolicyARN=own))
        administrator = "arn:aws:iam::aws:policy/AdministratorAccess"
        self.assertFalse(allowed(statements, "iam:AttachRolePolicy", ours, iam__PolicyARN=administrator))

    def test_cloudformation_reads_no_object_of_the_archive(self):
        statements = STACK.statements("CloudFormationRole")
        bucket = "arn:aws:s3:::mds-etl-staging-bucket-1x"
        self.assertTrue(allowed(statements, "s3:PutLifecycleConfiguration", bucket))
        for action in ("s3:GetObject", "s3:PutObject", "s3:DeleteObject"):
            self.assertFalse(allowed(statements, action, f"{bucket}/staging/bird/2020/1/1/22/trips.json"), action)
        secret = f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:FernetKey-x"
        # The last two are for FernetKeyReplicaRegion.
        for action in ("CreateSecret", "ReplicateSecretToRegions", "RemoveRegionsFromReplication"):
            self.assertTrue(allowed(statements, f"secretsmanager:{action}", secret), action)
        self.assertFalse(allowed(statements, "secretsmanager:GetSecretValue", secret))

    def test_cloudformation_makes_one_state_machine_whatever_its_name_is(self):
        start = f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine"
        renamed = Stack(
            file=ROLES_OF_CI_FILE, Repository="city/mds-etl", UploadBucket="uploads", StateMachineName="trips"
        )
        for stack, ours, other in ((STACK, "mds-etl-staging", "trips"), (renamed, "trips", "mds-etl-staging")):
            statements = stack.statements("CloudFormationRole")
            self.assertTrue(allowed(statements, "states:UpdateStateMachine", f"{start}:{ours}"))
            self.assertFalse(allowed(statements, "states:UpdateStateMachine", f"{start}:{other}"))


if __name__ == "__main__":
    unittest.main()
