# Logs, alarms and a budget; each is off until its variable is set.

# Who connected with whom: of the whole network where it is ours, of the server's part of another's.
resource "aws_cloudwatch_log_group" "connections" {
  count = var.logs ? 1 : 0

  #checkov:skip=CKV_AWS_158: Encrypted with a key of AWS. One of the customer can be deleted with everything it encrypts, and keeps out nobody whom IAM lets in.
  #checkov:skip=CKV_AWS_338: Connections name addresses of users, so log_retention_days says how long they are kept.

  name              = "/stuf/${local.name}/connections"
  retention_in_days = var.log_retention_days
}

resource "aws_flow_log" "connections" {
  count = var.logs ? 1 : 0

  vpc_id          = local.own_network ? local.vpc_id : null
  eni_id          = local.own_network ? null : aws_instance.server.primary_network_interface_id
  traffic_type    = "ALL"
  log_destination = aws_cloudwatch_log_group.connections[0].arn
  iam_role_arn    = aws_iam_role.flow_logs[0].arn

  tags = { Name = local.name }
}

resource "aws_iam_role" "flow_logs" {
  count = var.logs ? 1 : 0

  name = "${local.name}-flow"
  path = "/stuf/"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect    = "Allow"
        Principal = { Service = "vpc-flow-logs.amazonaws.com" }
        Action    = "sts:AssumeRole"
        # The service acts for every account; this role is for ours.
        Condition = { StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.current.account_id } }
      },
    ]
  })
}

resource "aws_iam_role_policy" "flow_logs" {
  count = var.logs ? 1 : 0

  name = "write-connections"
  role = aws_iam_role.flow_logs[0].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
        Resource = "${aws_cloudwatch_log_group.connections[0].arn}:*"
      },
    ]
  })
}

resource "aws_sns_topic" "alarms" {
  count = var.alarm_email == "" ? 0 : 1

  #checkov:skip=CKV_AWS_26: An alarm names a machine and a threshold, no user; with the key that AWS has for topics, CloudWatch could not write here.

  name = "${local.name}-alarms"
}

# AWS asks by mail whether alarms are wanted; until that is answered none arrives.
resource "aws_sns_topic_subscription" "alarms" {
  count = var.alarm_email == "" ? 0 : 1

  topic_arn = aws_sns_topic.alarms[0].arn
  protocol  = "email"
  endpoint  = var.alarm_email
}

resource "aws_cloudwatch_metric_alarm" "server_unreachable" {
  count = var.alarm_email == "" ? 0 : 1

  alarm_name          = "${local.name}-server-unreachable"
  alarm_description   = "Machine or network of the server fails AWS's own checks, or says nothing"
  namespace           = "AWS/EC2"
  metric_name         = "StatusCheckFailed"
  dimensions          = { InstanceId = aws_instance.server.id }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 3
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "breaching"
  alarm_actions       = [aws_sns_topic.alarms[0].arn]
  ok_actions          = [aws_sns_topic.alarms[0].arn]
}

resource "aws_cloudwatch_metric_alarm" "server_busy" {
  count = var.alarm_email == "" ? 0 : 1

  alarm_name          = "${local.name}-server-busy"
  alarm_description   = "More than 90 % processor for a quarter of an hour"
  namespace           = "AWS/EC2"
  metric_name         = "CPUUtilization"
  dimensions          = { InstanceId = aws_instance.server.id }
  statistic           = "Average"
  period              = 300
  evaluation_periods  = 3
  comparison_operator = "GreaterThanThreshold"
  threshold           = 90
  alarm_actions       = [aws_sns_topic.alarms[0].arn]
  ok_actions          = [aws_sns_topic.alarms[0].arn]
}

resource "aws_cloudwatch_metric_alarm" "database_full" {
  count = var.alarm_email != "" && var.database ? 1 : 0

  alarm_name          = "${local.name}-database-full"
  alarm_description   = "Less than 2 GiB of storage left for the database of Keycloak"
  namespace           = "AWS/RDS"
  metric_name         = "FreeStorageSpace"
  dimensions          = { DBInstanceIdentifier = aws_db_instance.identity[0].identifier }
  statistic           = "Minimum"
  period              = 300
  evaluation_periods  = 3
  comparison_operator = "LessThanThreshold"
  threshold           = 2 * 1024 * 1024 * 1024
  alarm_actions       = [aws_sns_topic.alarms[0].arn]
  ok_actions          = [aws_sns_topic.alarms[0].arn]
}

# Counts the whole account: AWS sorts costs by tag only where somebody has switched that on.
resource "aws_budgets_budget" "monthly" {
  count = var.budget_monthly_usd == 0 ? 0 : 1

  name         = "${local.name}-monthly"
  budget_type  = "COST"
  time_unit    = "MONTHLY"
  limit_amount = tostring(var.budget_monthly_usd)
  limit_unit   = "USD"

  notification {
    notification_type          = "ACTUAL"
    comparison_operator        = "GREATER_THAN"
    threshold                  = 80
    threshold_type             = "PERCENTAGE"
    subscriber_email_addresses = [var.alarm_email]
  }

  notification {
    notification_type          = "FORECASTED"
    comparison_operator        = "GREATER_THAN"
    threshold                  = 100
    threshold_type             = "PERCENTAGE"
    subscriber_email_addresses = [var.alarm_email]
  }
}
