"""The account at Amazon: reached by Amazon's names alone, and as strict where a package relies on it."""

from __future__ import annotations

import unittest

from . import engine, network, server
from .account import REGION, Account
from .names import ACCOUNT, LAPTOP, SERVER

IMAGES = """
def named(**wanted):
    found = of("ec2").describe_images(Filters=[{"Name": "name", "Values": ["debian-13-amd64-*"]}], **wanted)["Images"]
    return [one["ImageId"] for one in sorted(found, key=lambda one: one["CreationDate"])]
answer = [named(), named(Owners=["136693071363"])]
"""
POLICIES = """
s3, bucket = of("s3"), "policies"
arn = "arn:aws:s3:::policies/"
s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": given["region"]})
def tried(*statements):
    common = {"Effect": "Deny", "Principal": "*", "Action": "s3:*"}
    policy = {"Version": "2012-10-17", "Statement": [{**common, **one} for one in statements]}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    try:
        s3.put_object(Bucket=bucket, Key="key", Body=b"x")
        return s3.get_object(Bucket=bucket, Key="key")["ResponseMetadata"]["HTTPStatusCode"]
    except s3.exceptions.ClientError as error:
        return error.response["ResponseMetadata"]["HTTPStatusCode"]
without = {"Resource": arn + "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}
answer = [tried(without), tried(without, {"Resource": arn + "key"})]
"""
# As Terraform's provider asks for a machine.
MACHINE = """
ec2 = of("ec2")
net = ec2.create_vpc(CidrBlock="10.20.0.0/20")["Vpc"]["VpcId"]
subnet = ec2.create_subnet(VpcId=net, CidrBlock="10.20.0.0/24")["Subnet"]["SubnetId"]
group = ec2.create_security_group(GroupName="server", Description="server", VpcId=net)["GroupId"]
interface = {"DeviceIndex": 0, "SubnetId": subnet, "Groups": [group], "AssociatePublicIpAddress": False}
machine = ec2.run_instances(ImageId="ami-0d13202611010000a", MinCount=1, MaxCount=1, DisableApiTermination=True,
                            NetworkInterfaces=[interface])["Instances"][0]["InstanceId"]
(there,) = ec2.describe_instances(InstanceIds=[machine])["Reservations"][0]["Instances"]
kept = ec2.describe_instance_attribute(InstanceId=machine, Attribute="disableApiTermination")
answer = {
    "machine": machine,
    "groups": [one["GroupId"] == group for one in there["SecurityGroups"]],
    "kept": kept["DisableApiTermination"]["Value"],
    "address": ec2.allocate_address(Domain="vpc")["PublicIp"],
    "console": ec2.get_console_output(InstanceId=machine).get("Output", ""),
}
"""
LISTER = """
iam = of("iam")
of("s3").create_bucket(Bucket="lists", CreateBucketConfiguration={"LocationConstraint": given["region"]})
allowed = {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::lists"}
iam.create_user(UserName="lister", Path="/stuf/")
policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
iam.put_user_policy(UserName="lister", PolicyName="lists", PolicyDocument=policy)
answer = None
"""
# By hand, since Amazon's own client sends nothing but ASCII.
IN_UTF_8 = """
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
of("s3").create_bucket(Bucket="texts", CreateBucketConfiguration={"LocationConstraint": given["region"]})
def sent(signed, text):
    digest = hashlib.sha256(b"x").hexdigest()
    headers = {"Host": "127.0.0.1", "x-amz-meta-comment": signed, "x-amz-content-sha256": digest}
    made = AWSRequest("PUT", endpoint + "/texts/key", headers=headers, data=b"x")
    S3SigV4Auth(Credentials(access, secret), "s3", given["region"]).add_auth(made)
    wire = {**made.headers, "x-amz-meta-comment": text.encode().decode("latin-1")}
    try:
        request = urllib.request.Request(endpoint + "/texts/key", b"x", wire, method="PUT")
        return urllib.request.urlopen(request, context=ssl._create_unverified_context()).status
    except urllib.error.HTTPError as error:
        return error.code
there = of("s3")
answer = [sent("wie gebaut – تقرير", "wie gebaut – تقرير"), sent("wie gebaut", "wie anders")]
answer.append(there.get_object(Bucket="texts", Key="key")["Metadata"]["comment"].encode("latin-1").decode())
"""
ZONE = """
made = of("route53").create_hosted_zone(Name="acme.example", CallerReference="bench")["HostedZone"]
answer = made["Id"].removeprefix("/hostedzone/")[0]
"""
PRINTED = 'answer = of("ec2").get_console_output(InstanceId=given["machine"])["Output"]\n'


class AmazonAccount(unittest.TestCase):
    """One account, asked from a Trust Architect's machine and by its owner."""

    account: Account

    @classmethod
    def setUpClass(cls) -> None:
        cls.addClassCleanup(network.remove, ACCOUNT)
        cls.addClassCleanup(network.remove, LAPTOP)
        engine.start()
        network.start_network()
        network.start_names()
        cls.account = Account.start()
        server.start_laptop()

    def on_laptop(self, command: str) -> str:
        """Types a line; what it said."""
        return server.on_laptop(command, log="account").stdout.decode()

    def test_every_name_of_amazon_s_leads_here_by_a_certificate_that_is_checked(self) -> None:
        names = ("amazonaws.com", "iam.amazonaws.com", f"ec2.{REGION}.amazonaws.com", f"x.s3.{REGION}.amazonaws.com")
        for name in names:
            with self.subTest(name):
                seen = self.on_laptop(f"curl --silent --output /dev/null --write-out '%{{remote_ip}}' https://{name}/")
                self.assertEqual(seen, ACCOUNT.address)

    def test_debian_s_image_is_debian_s_own_and_the_newest_of_them_is_not_the_newest_of_all(self) -> None:
        every, debians = self.account.ask(IMAGES)
        self.assertEqual(debians, ["ami-0d13202609010000b", "ami-0d13202611010000a"])
        self.assertEqual(every, [*debians, "ami-0999920261120000c"])

    def test_a_denial_to_those_without_tls_closes_nothing_and_any_other_does(self) -> None:
        self.assertEqual(self.account.ask(POLICIES), [200, 403])

    def test_a_machine_has_what_it_was_asked_for_with_and_shows_what_it_printed(self) -> None:
        made = self.account.ask(MACHINE)
        machine = made.pop("machine")
        self.assertEqual(made, {"groups": [True], "kept": True, "address": SERVER.address, "console": ""})
        self.account.prints("one\r\ntwo")
        self.assertEqual(self.account.ask(PRINTED, machine=machine), "one\r\ntwo")

    def test_a_zone_is_called_as_amazon_calls_it(self) -> None:
        self.assertEqual(self.account.ask(ZONE), "Z")

    def test_who_may_list_a_bucket_may_ask_whether_it_is_there_and_do_nothing_else(self) -> None:
        account = Account.start()
        account.ask(LISTER)
        key = account.make_key("lister")
        account.check_everybody()
        wanted = {"head": 200, "list": 200, "policy": 403, "open": 403, "other": 403, "users": 403}
        self.assertEqual(account.tries(key, "lists"), wanted)

    def test_metadata_in_utf_8_is_taken_where_it_was_signed_and_not_where_another_was(self) -> None:
        account = Account.start()
        account.check_everybody()
        text = "wie gebaut – تقرير"
        self.assertEqual(account.ask(IN_UTF_8), [200, 403, text])


if __name__ == "__main__":
    unittest.main()
