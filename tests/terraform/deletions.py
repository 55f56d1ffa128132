"""Which line of the module holds which property: what is taken away, or made weaker, and the assertion that must fail.

A line is deleted where the module is still one that Terraform plans without it; otherwise it says the opposite.
Spaces of any number are one, so that `terraform fmt` may line things up anew.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from workshop import MODULE


@dataclass(frozen=True)
class Deletion:
    """One place, and the sentence of the assertion that must fail."""

    file: str
    text: str
    says: str
    becomes: str = ""

    def broken(self, text: str) -> str:
        """The file's text without it; there is exactly one place for it."""
        pattern = re.sub(r"(?:\\ )+", " +", re.escape(self.text))
        broken, count = re.subn(pattern, lambda _: self.becomes, text)
        if count != 1:
            raise AssertionError(f"{self.file}: {self.text!r} stands {count} times, expected once")
        return broken


def _of(file: str, *places: tuple[str, ...]) -> list[Deletion]:
    return [Deletion(file, *place) for place in places]


DELETIONS = [
    *_of(
        "main.tf",
        (
            'own_network = var.existing_subnet_id == ""',
            "A network of the customer's is used as it is.",
            "own_network = true",
        ),
        (
            ": data.aws_subnet.existing[0].availability_zone",
            "The data disk is in the zone of the named subnet.",
            ': "eu-west-1c"',
        ),
    ),
    *_of(
        "network.tf",
        (
            "  cidr_block = var.vpc_cidr\n",
            "Without a subnet of the customer's there is a network of its own, with the addresses asked for.",
        ),
        (
            "gateway_id = aws_internet_gateway.own[0].id",
            "The server's subnet has a way to the internet.",
            'gateway_id = "local"',
        ),
        ("  route_table_ids = [aws_route_table.server[0].id]\n", "The bucket is reached inside of AWS."),
        (
            '"closed" {\n  count = local.own_network ? 1 : 0',
            "The group that AWS makes by itself is emptied.",
            '"closed" {\n  count = 0',
        ),
        (
            "local.usual_zone\n  map_public_ip_on_launch = false",
            "No subnet hands out public addresses by itself.",
            "local.usual_zone\n  map_public_ip_on_launch = true",
        ),
        ("names[count.index]", "The database has subnets in two zones.", "names[0]"),
        (
            "local.usual_zone",
            "The server and its data are in the first zone that has such a machine.",
            "data.aws_availability_zones.usable.names[2]",
        ),
        (
            "values = [var.instance_type]",
            "AWS is asked for the type that was chosen.",
            'values = ["t3.large", "t3.small"]',
        ),
        (
            "nothing moves there.\n    ignore_changes = [availability_zone]\n",
            "The server's subnet stays in its zone whatever the list of zones becomes.",
            "nothing moves there.\n",
        ),
        (
            '-database" }\n\n  lifecycle {\n    ignore_changes = [availability_zone]\n',
            "The database's subnets stay in their zones whatever the list of zones becomes.",
            '-database" }\n\n  lifecycle {\n',
        ),
        (
            "  subnet_id = aws_subnet.server[0].id\n",
            "The database's subnets have no way to the internet.",
            "  subnet_id = try(aws_subnet.database[0].id, aws_subnet.server[0].id)\n",
        ),
    ),
    *_of(
        "firewall.tf",
        (
            "  for_each = var.ssh_cidrs\n",
            "Nobody reaches SSH unless networks are listed.",
            '  for_each = length(var.ssh_cidrs) > 0 ? var.ssh_cidrs : toset(["0.0.0.0/0"])\n',
        ),
        ("to_port = 22\n", "The listed networks reach SSH, and no other.", "to_port = 23\n"),
        (
            '"https" {\n  for_each = var.web_cidrs',
            "The listed networks reach the pages, and no other.",
            '"https" {\n  for_each = toset(["0.0.0.0/0"])',
        ),
        ("to_port = 443\n", "The pages are two ports.", "to_port = 444\n"),
        (
            "for_each = toset([for port in var.egress_tcp_ports : tostring(port)])",
            "The server reaches the listed ports and no others.",
            'for_each = toset(["25", "80", "443"])',
        ),
        (
            "  referenced_security_group_id = aws_security_group.server.id\n",
            "The database lets the server's group in, not addresses.",
            '  cidr_ipv4 = "0.0.0.0/0"\n',
        ),
        (
            "  referenced_security_group_id = aws_security_group.database[0].id\n",
            "The server reaches the database's group, not addresses.",
            '  cidr_ipv4 = "0.0.0.0/0"\n',
        ),
        (
            'SSH for those listed"\n  vpc_id = local.vpc_id\n',
            "The server and its group are in the network of the named subnet.",
            'SSH for those listed"\n',
        ),
        (
            '"aws_security_group" "database" {\n  count = var.database ? 1 : 0',
            "Neither database nor record is made unless asked for.",
            '"aws_security_group" "database" {\n  count = 1',
        ),
    ),
    *_of(
        "instance.tf",
        ('  owners = ["136693071363"]\n', "The image is the newest of Debian's own account."),
        ("  most_recent = true\n", "The image is the newest of Debian's own account."),
        ("debian-13-amd64-*", "The image is Debian 13's, by its name.", "debian-*"),
        ("= data.aws_ami.debian.id\n", "The server starts from that image.", '= "ami-0aaaaaaaaaaaaaaaa"\n'),
        ("  subnet_id = local.subnet_id\n", "The server is in the network that is made for it."),
        (
            "  vpc_security_group_ids = [aws_security_group.server.id]\n",
            "Server and database have their own group, and no other.",
        ),
        ("  key_name = aws_key_pair.administrator.key_name\n", "The given key signs in."),
        ("  iam_instance_profile = aws_iam_instance_profile.server.name\n", "The server has its role."),
        (
            '  user_data = var.session_manager ? file("${path.module}/first-boot.sh") : null\n',
            "The first boot installs the agent of Session Manager.",
        ),
        ("var.session_manager ? file", "Where SSH is the way in, no agent is installed.", "true ? file"),
        (
            "associate_public_ip_address = false",
            "The server's one public address is the one that stays.",
            "associate_public_ip_address = true",
        ),
        (
            "    ignore_changes = [ami, user_data, associate_public_ip_address]\n",
            "No newer image and no other first boot makes the server anew, nor does its own address.",
        ),
        (
            "  stop_instance_before_detaching = true\n",
            "The server stops writing before its data disk is taken from it.",
        ),
        ('= "running"\n', "A server that was left switched off is started.", '= "stopped"\n'),
        ("  disable_api_termination = true\n", "A click in the console does not end the server."),
        ('    http_tokens = "required"\n', "Metadata are given by IMDSv2 only."),
        ("    http_put_response_hop_limit = 1\n", "Containers do not reach the metadata."),
        (
            "  root_block_device {\n    encrypted = true\n",
            "The system disk is encrypted, and as large as asked for.",
            "  root_block_device {\n",
        ),
        ('    tags = { Name = "${local.name}-system" }\n', "Each disk says by its name whose it is."),
        (
            "= var.data_volume_gib\n  encrypted = true\n",
            "The data disk is encrypted, and as large as asked for.",
            "= var.data_volume_gib\n",
        ),
        ("  final_snapshot = true\n", "Of a data disk that is deleted after all, a snapshot stays."),
        ("    prevent_destroy = true\n", "The data disk refuses to be destroyed."),
        (
            "= aws_ebs_volume.data.id\n",
            "The data disk is one of its own, attached to the server.",
            '= "vol-0aaaaaaaaaaaaaaaa"\n',
        ),
    ),
    *_of(
        "storage.tf",
        ("  bucket = var.bucket_name\n", "The bucket has the given name."),
        ("    prevent_destroy = true\n", "The bucket refuses to be destroyed."),
        (
            'versioning_configuration {\n    status = "Enabled"',
            "What is overwritten or deleted can be brought back.",
            'versioning_configuration {\n    status = "Suspended"',
        ),
        ('sse_algorithm = "AES256"', "Every object is encrypted.", 'sse_algorithm = "aws:kms:dsse"'),
        ("  block_public_acls = true\n", "Public access lists are refused."),
        ("  block_public_policy = true\n", "Public policies are refused."),
        ("  ignore_public_acls = true\n", "Public access lists have no effect."),
        ("  restrict_public_buckets = true\n", "A public policy has no effect."),
        ("BucketOwnerEnforced", "Objects have no access lists.", "ObjectWriter"),
        (
            '        Condition = { Bool = { "aws:SecureTransport" = "false" } }\n',
            "Whatever does not come by TLS is refused.",
        ),
        ("      days_after_initiation = 7\n", "Unfinished uploads are gone after a week."),
        (
            "noncurrent_days = var.noncurrent_version_days",
            "Earlier versions are gone after the days asked for.",
            "noncurrent_days = 1",
        ),
        (
            "      expired_object_delete_marker = true\n",
            "A deletion leaves nothing behind once its earlier versions are gone.",
        ),
    ),
    *_of(
        "access.tf",
        ("  force_destroy = true\n", "The policy is the application's, whose key goes with it."),
        (
            '            "s3:DeleteObject",\n',
            "The application may do what its client calls, in its bucket, and nothing more.",
        ),
        (
            '"s3:PutObject",\n',
            "The application may do what its client calls, in its bucket, and nothing more.",
            '"s3:PutObject",\n            "s3:PutObjectAcl",\n',
        ),
        (
            "var.content_moves ? [",
            "The application may do what its client calls, in its bucket, and nothing more.",
            "true ? [",
        ),
        ('["s3:ListBucketMultipartUploads"]', "While content moves, unfinished uploads can be found.", '["s3:*"]'),
        (
            'resource "aws_iam_user_policy" "application" {',
            "Terraform makes no access key.",
            'resource "aws_iam_access_key" "application" {\n  user = aws_iam_user.application.name\n}\n\n'
            'resource "aws_iam_user_policy" "application" {',
        ),
        (
            '{ Service = "ec2.amazonaws.com" }',
            "The server's role is for machines of EC2.",
            '{ Service = "lambda.amazonaws.com" }',
        ),
        (
            '"ssm:UpdateInstanceInformation"',
            "The server's role is for Session Manager, and reads no parameter.",
            '"ssm:*"',
        ),
        (
            '"session_manager" {\n  count = var.session_manager ? 1 : 0',
            "Where SSH is the way in, the server's role may do nothing.",
            '"session_manager" {\n  count = 1',
        ),
    ),
    *_of(
        "database.tf",
        ('"/--+/", "-"', "RDS takes no two hyphens in a row.", '"/--+/", "-x-"'),
        (
            ": var.existing_database_subnet_ids",
            "The database is in the named subnets.",
            ': toset(["subnet-0bbbbbbbbbbbbbbb1", "subnet-0bbbbbbbbbbbbbbb2"])',
        ),
        ('value = "1"', "The database is spoken to by TLS only.", 'value = "0"'),
        (
            "  retention_in_days = var.log_retention_days\n",
            "The database's messages are logged, and kept as long as asked for.",
        ),
        (
            "  enabled_cloudwatch_logs_exports = local.database_logs\n",
            "The database's messages are logged, and kept as long as asked for.",
        ),
        ("  engine_version = var.database_version\n", "The database is PostgreSQL of the version asked for."),
        ("  multi_az = var.database_multi_az\n", "The database is as large, and as often there, as asked for."),
        ("  storage_encrypted = true\n", "The database's storage is encrypted, and as large as asked for."),
        ("  manage_master_user_password = true\n", "RDS makes and keeps the password: it is in no state."),
        (
            "publicly_accessible = false",
            "The database has no public address.",
            "publicly_accessible = true",
        ),
        ("  backup_retention_period = var.database_backup_days\n", "Backups are kept as long as asked for."),
        (
            "  apply_immediately = true\n",
            "What was approved of the database happens at once, a newer major version too.",
        ),
        (
            "  allow_major_version_upgrade = true\n",
            "What was approved of the database happens at once, a newer major version too.",
        ),
        (
            "  copy_tags_to_snapshot = true\n",
            "The database takes corrections by itself, and its snapshots tell whose they are.",
        ),
        ("  deletion_protection = true\n", "A click in the console does not delete the database."),
        (
            "skip_final_snapshot = false",
            "Of a database that is deleted after all, a snapshot stays.",
            "skip_final_snapshot = true",
        ),
        ("    prevent_destroy = true\n", "The database refuses to be destroyed."),
    ),
    *_of(
        "dns.tf",
        ("[aws_eip.server.public_ip]", "The name leads to the server's address.", '["192.0.2.1"]'),
    ),
    *_of(
        "monitoring.tf",
        (
            "  vpc_id = local.own_network ? local.vpc_id : null\n"
            "  eni_id = local.own_network ? null : aws_instance.server.primary_network_interface_id\n",
            "In another's network only the server's own connections are logged.",
            "  vpc_id = local.vpc_id\n",
        ),
        (
            'traffic_type = "ALL"',
            "Connections of the own network are logged, also those refused.",
            'traffic_type = "ACCEPT"',
        ),
        ("  retention_in_days = var.log_retention_days\n", "Logs are kept as long as asked for."),
        (
            'Condition = { StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.current.account_id } }\n',
            "The logging service acts for this account only.",
            "\n",
        ),
        (
            '"${aws_cloudwatch_log_group.connections[0].arn}:*"',
            "The logging service writes to this one log.",
            '"*"',
        ),
        ("endpoint = var.alarm_email", "Alarms go to the given address.", 'endpoint = "nobody@example.org"'),
        ('"StatusCheckFailed"', "A server that fails AWS's checks is told.", '"StatusCheckFailed_System"'),
        ('  treat_missing_data = "breaching"\n', "A server that says nothing is told too."),
        ("threshold = 90\n", "A server that is busy for long is told.", "threshold = 100\n"),
        ("threshold = 2 * 1024 * 1024 * 1024\n", "A database that fills up is told.", "threshold = 0\n"),
        (
            '"breaching"\n  alarm_actions = [aws_sns_topic.alarms[0].arn]\n',
            "Each alarm is told when it comes and when it goes.",
            '"breaching"\n',
        ),
        (
            "limit_amount = tostring(var.budget_monthly_usd)",
            "The budget is the one asked for.",
            'limit_amount = "1"',
        ),
        ('"FORECASTED"', "The budget tells what is spent and what will be.", '"ACTUAL"'),
        (
            '"aws_sns_topic" "alarms" {\n  count = var.alarm_email == "" ? 0 : 1',
            "Nothing is logged, told or counted unless asked for.",
            '"aws_sns_topic" "alarms" {\n  count = 1',
        ),
    ),
    *_of(
        "outputs.tf",
        (
            'replace(aws_ebs_volume.data.id, "-", "")',
            "The inventory names the data disk as the system does.",
            "aws_ebs_volume.data.id",
        ),
        (
            "= aws_eip.server.public_ip\n",
            "The inventory tells how the server is reached.",
            "= aws_instance.server.public_ip\n",
        ),
        (
            "= aws_iam_user.application.name\n",
            "The inventory tells where the uploads go, and whose key signs for them.",
            '= "root"\n',
        ),
        (
            "one(aws_db_instance.identity[0].master_user_secret[*].secret_arn)",
            "The inventory tells where the database is, and the name of its secret.",
            '""',
        ),
        ('= var.dns_zone_id != ""', "The inventory tells that the record is set.", "= false"),
        ('= var.dns_zone_id != ""', "The inventory tells that neither was made.", "= true"),
    ),
]


def sentences() -> dict[str, str]:
    """Every assertion of the module's tests, by its sentence, with the file it stands in."""
    found: dict[str, str] = {}
    for test in sorted(MODULE.glob("*.tftest.hcl")):
        for sentence in re.findall(r'^    error_message = "(.*)"$', test.read_text(), re.MULTILINE):
            if sentence in found:
                raise AssertionError(f"two assertions say: {sentence}")
            found[sentence] = test.name
    return found
