"""What CloudFormation would create: the template after SAM's translation, with the values of a deployment's parameters."""

import copy
import fnmatch
import functools
import hashlib
import logging
import pathlib
import re

import boto3
from samcli.yamlhelper import yaml_parse
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

ROOT = pathlib.Path(__file__).resolve().parents[2]
TEMPLATE_FILE = ROOT / "infra/template.yaml"
ROLES_OF_CI_FILE = ROOT / "infra/ci/oidc-role.yaml"
ACCOUNT = "123456789012"
LONGEST_POLICY_NAME = 128
# The translator warns that nobody collects its metrics.
logging.getLogger("samtranslator").setLevel(logging.ERROR)
PARTITIONS = {"us-east-1": "aws", "us-gov-west-1": "aws-us-gov", "cn-north-1": "aws-cn"}


class NoValue:
    """`AWS::NoValue`: what has this value is left out."""


def as_list(value):
    return value if isinstance(value, list) else [value]


@functools.cache
def parsed(path):
    return yaml_parse(path.read_text())


def translated(region="us-east-1", **parameters):
    """The template as SAM translates it. It names uploads of code and definition that do not exist."""
    template = copy.deepcopy(parsed(TEMPLATE_FILE))
    for name, resource in template["Resources"].items():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = f"s3://uploads/{name}"
        if resource["Type"] == "AWS::Serverless::StateMachine":
            resource["Properties"]["DefinitionUri"] = "s3://uploads/definition"
    session = boto3.session.Session(region_name=region)
    return Translator({}, Parser(), boto_session=session).translate(template, parameters)


class Stack:
    """A deployment: its resources with every function and condition of CloudFormation resolved."""

    def __init__(self, region="us-east-1", name="mds-etl", file=TEMPLATE_FILE, **parameters):
        self.region = region
        self.name = name
        self.template = translated(region, **parameters) if file == TEMPLATE_FILE else parsed(file)
        self.parameters = {}
        for key, declared in self.template["Parameters"].items():
            value = str(parameters.pop(key, declared["Default"] if "Default" in declared else None))
            self.parameters[key] = value.split(",") if declared["Type"] == "CommaDelimitedList" else value
        if parameters:
            raise KeyError(f"the template has no parameters {sorted(parameters)}")
        self.resources = {}
        for key, resource in copy.deepcopy(self.template["Resources"]).items():
            if "Condition" not in resource or self.condition(resource["Condition"]):
                self.resources[key] = {**resource, "Properties": self.resolve(resource.get("Properties", {}))}

    def properties(self, name):
        return self.resources[name]["Properties"]

    def of_type(self, kind):
        return {name: it["Properties"] for name, it in self.resources.items() if it["Type"] == kind}

    def outputs(self):
        return {
            name: self.resolve(it["Value"])
            for name, it in self.template["Outputs"].items()
            if "Condition" not in it or self.condition(it["Condition"])
        }

    def broken_rules(self):
        """What the rules of the template say against these parameters."""
        said = []
        for rule in self.template.get("Rules", {}).values():
            if "RuleCondition" in rule and not self.resolve(rule["RuleCondition"]):
                continue
            said += [it["AssertDescription"] for it in rule["Assertions"] if not self.resolve(it["Assert"])]
        return said

    def condition(self, name):
        return self.resolve(self.template["Conditions"][name])

    def arn(self, name):
        """An ARN by which a resource is known in these tests."""
        kind = self.template["Resources"][name]["Type"]
        start = f"arn:{PARTITIONS[self.region]}"
        here = f"{self.region}:{ACCOUNT}"
        return {
            "AWS::S3::Bucket": f"{start}:s3:::{name.lower()}",
            "AWS::Lambda::Function": f"{start}:lambda:{here}:function:{self.name}-{name}",
            "AWS::Lambda::Version": f"{start}:lambda:{here}:function:{self.name}-{name.partition('Version')[0]}:7",
            "AWS::Lambda::Alias": f"{start}:lambda:{here}:function:{self.name}-{name.partition('Alias')[0]}:live",
            "AWS::Logs::LogGroup": f"{start}:logs:{here}:log-group:{name}:*",
            "AWS::StepFunctions::StateMachine": f"{start}:states:{here}:stateMachine:{self.name}",
            "AWS::SecretsManager::Secret": f"{start}:secretsmanager:{here}:secret:{name}-AbCdEf",
            "AWS::IAM::ManagedPolicy": f"{start}:iam::{ACCOUNT}:policy/{self.generated_name(name)}",
        }.get(kind, f"{start}:{kind}:{here}:{name}")

    def generated_name(self, name):
        """The name that CloudFormation gives to a policy: another one for another description, which IAM cannot change."""
        description = self.resolve(self.template["Resources"][name]["Properties"].get("Description", ""))
        end = f"-{name}-{hashlib.sha256(description.encode()).hexdigest()[:12].upper()}"
        return self.name[: LONGEST_POLICY_NAME - len(end)] + end

    def reference(self, name):
        if name in self.parameters:
            return self.parameters[name]
        pseudo = {
            "AWS::NoValue": NoValue,
            "AWS::Region": self.region,
            "AWS::AccountId": ACCOUNT,
            "AWS::StackName": self.name,
            "AWS::Partition": PARTITIONS[self.region],
            "AWS::URLSuffix": "amazonaws.com.cn" if self.region.startswith("cn-") else "amazonaws.com",
        }
        if name in pseudo:
            return pseudo[name]
        resource = self.template["Resources"][name]
        if "Condition" in resource and not self.condition(resource["Condition"]):
            raise KeyError(f"{name} is not part of this deployment")
        if resource["Type"] == "AWS::S3::Bucket":
            return name.lower()
        return name if resource["Type"] in ("AWS::Logs::LogGroup", "AWS::Lambda::Function") else self.arn(name)

    def attribute(self, name, attribute):
        self.reference(name)
        return self.arn(name) if attribute.endswith("Arn") else f"{name}.{attribute}"

    def resolve(self, value):
        if isinstance(value, list):
            return [it for it in map(self.resolve, value) if it is not NoValue]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            (key, argument), = value.items()
            if key == "Condition" and isinstance(argument, str):
                return self.condition(argument)
            if key == "Ref" or key.startswith("Fn::"):
                return self.function(key.removeprefix("Fn::"), argument)
        resolved = {key: self.resolve(it) for key, it in value.items()}
        return {key: it for key, it in resolved.items() if it is not NoValue}

    def function(self, name, argument):
        if name == "Ref":
            return self.reference(argument)
        if name == "GetAtt":
            resource, _, attribute = argument.partition(".") if isinstance(argument, str) else (argument[0], "", argument[1])
            return self.attribute(resource, attribute)
        if name == "If":
            return self.resolve(argument[1] if self.condition(argument[0]) else argument[2])
        if name == "Sub":
            return self.substitute(*(argument if isinstance(argument, list) else [argument, {}]))
        arguments = self.resolve(argument)
        functions = {
            "And": lambda *all_of: all(all_of),
            "Or": lambda *any_of: any(any_of),
            "Not": lambda it: not it,
            "Equals": lambda a, b: str(a) == str(b),
            "EachMemberEquals": lambda members, it: all(member == it for member in members),
            "Join": lambda by, parts: by.join(parts),
            "Split": lambda by, text: text.split(by),
            "Select": lambda n, parts: parts[int(n)],
            "FindInMap": lambda name, first, second: self.template["Mappings"][name][first][second],
        }
        return functions[name](*arguments)

    def substitute(self, text, values):
        given = {name: self.resolve(it) for name, it in values.items()}

        def one(match):
            name = match.group(1)
            if name in given:
                return given[name]
            resource, _, attribute = name.partition(".")
            return self.attribute(resource, attribute) if attribute else self.reference(name)

        return re.sub(r"\$\{([^}!]+)\}", one, text)

    def statements(self, role):
        """All statements of a role, those of managed policies too. AWS's own managed policies are an error here."""
        properties = self.properties(role)
        documents = [policy["PolicyDocument"] for policy in properties.get("Policies", [])]
        ours = {self.arn(name): it for name, it in self.of_type("AWS::IAM::ManagedPolicy").items()}
        documents += [ours[arn]["PolicyDocument"] for arn in properties.get("ManagedPolicyArns", [])]
        return [statement for document in documents for statement in document["Statement"]]


def applies(statement, action, resource, context):
    """Whether a statement speaks of a request. It knows the conditions that the template has."""
    for operator, keys in statement.get("Condition", {}).items():
        for key, patterns in keys.items():
            found = any(fnmatch.fnmatchcase(context.get(key, ""), it) for it in as_list(patterns))
            if {"StringEquals": found, "ArnEquals": found, "Bool": found, "ArnLike": found, "ArnNotLike": not found}[operator] is False:
                return False
    actions = any(fnmatch.fnmatchcase(action.lower(), it.lower()) for it in as_list(statement["Action"]))
    return actions and any(fnmatch.fnmatchcase(resource, it) for it in as_list(statement["Resource"]))


def allowed(statements, action, resource="*", **context):
    """The decision of IAM over a request: a denial wins, and what nothing allows is denied."""
    context = {key.replace("__", ":"): value for key, value in context.items()}
    effects = {it["Effect"] for it in statements if applies(it, action, resource, context)}
    return effects == {"Allow"}
